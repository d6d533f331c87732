//! The loop: read, send, settle.

use std::time::Duration;

use daemon::{DaemonError, Exit, clock};
use tokio::time::{sleep, timeout};

use super::{
    attempt::Attempt,
    input::Input,
    printer::Printer,
    queue::{Acknowledged, Outcome, Queue, Step, Waiting},
    report::Report,
    splitter::{Content, Line},
    stop::Stop,
    target::LARGEST_BATCH,
    wire::{Wire, made_anew},
};

/// The pause after the first failed attempt; it doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// Publishes one input.
#[derive(Debug)]
pub(super) struct Publisher {
    wire: Wire,
    input: Input,
    queue: Queue,
    report: Report,
    /// With `--print-ids`.
    printer: Option<Printer>,
    in_flight: usize,
    pause: Duration,
    began: std::time::Instant,
    began_wall: std::time::SystemTime,
}

impl Publisher {
    /// A publisher with at most `in_flight` lines under way.
    pub(super) fn new(wire: Wire, input: Input, printer: Option<Printer>, in_flight: u16) -> Self {
        let in_flight = usize::from(in_flight);
        let largest = if wire.target().takes_batches { in_flight.min(LARGEST_BATCH) } else { 1 };
        let queue = Queue::new(wire.target().smallest_batch, largest, wire.target().repeatable);
        Self {
            wire,
            input,
            queue,
            report: Report::new(),
            printer,
            in_flight,
            pause: PAUSE,
            began: clock::now(),
            began_wall: clock::wall(),
        }
    }

    /// Runs until the input has ended and all of it is acknowledged, or cannot be.
    ///
    /// # Errors
    /// A line is not acknowledged.
    pub(super) async fn run(&mut self, stop: &mut Stop) -> Result<(), DaemonError> {
        loop {
            self.read(stop).await;
            let now = self.now();
            match self.queue.step(now) {
                Step::Idle if self.input.has_ended() => break,
                Step::Idle => {}
                Step::TooLate(_) => self.look(stop).await?,
                next @ (Step::One | Step::Batch(_)) => self.send(next, now, stop).await?,
            }
        }
        if stop.is_asked() && self.input.unfinished() > 0 {
            Report::unfinished(self.input.unfinished());
        }
        if let Some(error) = self.input.failure() {
            return Err(DaemonError::new(Exit::NoInput, format!("reading standard input: {error}")));
        }
        self.report.end()
    }

    /// Takes in what was read; waits for it where there is nothing else to do.
    async fn read(&mut self, stop: &mut Stop) {
        if stop.is_asked() {
            self.input.stop();
        }
        if self.queue.len() == 0 && !self.input.has_ended() {
            let lines = tokio::select! {
                lines = self.input.next() => lines,
                () = stop.asked(), if !stop.is_asked() => return,
            };
            self.take(lines);
        }
        while self.queue.has_room(self.in_flight) {
            let Some(lines) = self.input.next_at_once() else { break };
            self.take(lines);
        }
    }

    fn take(&mut self, lines: Vec<Line>) {
        for Line { number, content } in lines {
            match content {
                Content::Text(text) => self.queue.push(Waiting { number, text }),
                Content::TooLong(bytes) => self.report.too_large(number, bytes, self.wire.largest_line()),
            }
        }
    }

    /// Sends the lines of a step, and takes in what comes of it.
    async fn send(&mut self, next: Step, begun: Duration, stop: &mut Stop) -> Result<(), DaemonError> {
        let count = if let Step::Batch(count) = next { count } else { 1 };
        let lines: Vec<Waiting> = self.queue.first(count).cloned().collect();
        let Some(attempt) = stop.bound(self.wire.send(&lines)).await else { return Err(self.stopped()) };
        let Attempt { outcome, problem, forbids_batches } = attempt;
        if let Outcome::Stored { last, duplicate: false } = outcome
            && self.report.last().is_some_and(|before| last <= before)
        {
            let problem = made_anew(&self.wire.target().stream);
            return Err(self.give_up(problem.exit, &problem.message));
        }
        let acknowledged = self.queue.settle(next, begun, outcome);
        self.acknowledge(&acknowledged, stop).await?;
        if forbids_batches {
            log::warn!("the stream takes no batches (any more): one line at a time from here on");
            self.queue.forbid_batches();
        }
        match (outcome, problem, lines.first()) {
            (Outcome::Stored { .. }, ..) => self.pause = PAUSE,
            (Outcome::Unacceptable, _, Some(line)) => {
                self.report.too_large(line.number, line.text.len() as u64, self.wire.largest_line());
            }
            (_, Some(problem), _) if !problem.passes => {
                return Err(self.give_up(problem.exit, &problem.message));
            }
            (_, Some(problem), _) => {
                self.report.obstacle(&problem, self.queue.len(), self.now());
                self.rest(stop).await?;
            }
            (_, None, _) => {}
        }
        Ok(())
    }

    /// The stream has forgotten which lines it was sent so long ago: reads from it which of those in doubt it has.
    async fn look(&mut self, stop: &mut Stop) -> Result<(), DaemonError> {
        let first = self.queue.first(1).next().map_or(0, |line| line.number);
        let found = stop.bound(self.wire.look(first, self.report.last())).await;
        match found {
            Some(Ok(sequences)) => {
                let doubted = self.queue.doubted();
                let has = sequences.len();
                log::info!(
                    "after so long the stream was asked for the lines in doubt: it has {has} of {doubted}"
                );
                let acknowledged = self.queue.resolve(&sequences);
                self.acknowledge(&acknowledged, stop).await
            }
            Some(Err(problem)) if problem.passes => {
                self.report.obstacle(&problem, self.queue.len(), self.now());
                self.rest(stop).await
            }
            Some(Err(problem)) => Err(self.give_up(problem.exit, &problem.message)),
            None => Err(self.stopped()),
        }
    }

    /// Counts lines that are acknowledged, and has their ids printed.
    async fn acknowledge(&mut self, lines: &[Acknowledged], stop: &mut Stop) -> Result<(), DaemonError> {
        self.report.acknowledged(lines, self.now());
        let Some(printer) = &self.printer else { return Ok(()) };
        let ids = lines.iter().map(|line| self.wire.target().id(line.sequence) + "\n").collect();
        let done = stop.bound(printer.print(ids)).await;
        done.ok_or_else(|| self.stopped())
    }

    /// Waits until the ids of all acknowledged lines are printed, or until a stop has no more time.
    pub(super) async fn finish_printing(self, stop: &mut Stop) {
        let Some(printer) = self.printer else { return };
        if stop.bound(printer.finish()).await.is_none() {
            log::warn!("not all ids are printed: nobody reads standard output");
        }
    }

    /// Waits a little before the next attempt.
    async fn rest(&mut self, stop: &mut Stop) -> Result<(), DaemonError> {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        let examined = async {
            // An answer that takes longer is not waited for: nobody gives one during an election, and the next attempt may succeed.
            if pause < LONGEST_PAUSE {
                return Ok(());
            }
            timeout(pause, self.wire.examine()).await.unwrap_or(Ok(()))
        };
        match stop.bound(async { tokio::join!(examined, sleep(pause)) }).await {
            Some((Ok(()), ())) => Ok(()),
            Some((Err(problem), ())) => Err(self.give_up(problem.exit, &problem.message)),
            None => Err(self.stopped()),
        }
    }

    fn stopped(&mut self) -> DaemonError {
        self.give_up(Exit::Unavailable, "we were stopped")
    }

    /// Ends with lines that are not acknowledged, for this reason.
    fn give_up(&mut self, exit: Exit, why: &str) -> DaemonError {
        self.input.stop();
        while let Some(lines) = self.input.next_at_once() {
            self.take(lines);
        }
        let doubt = self.queue.doubted();
        let first = self.queue.first(1).next().map_or(0, |line| line.number);
        let id = self.wire.message_id(first);
        DaemonError::new(exit, self.report.unacknowledged(first, self.queue.len(), doubt, &id, why))
    }

    /// The time since the beginning. The wall clock counts, too, as it goes on while the machine sleeps: the stream's window does as well.
    fn now(&self) -> Duration {
        let wall = clock::wall().duration_since(self.began_wall).unwrap_or_default();
        clock::now().duration_since(self.began).max(wall)
    }
}
