//! One client: takes the next request, sends it until it is answered, and now and then does worse.

use std::{
    collections::BTreeMap,
    io, thread,
    time::{Duration, Instant},
};

use crate::random::Random;

use super::{
    Shared, Task,
    answer::{Answer, Published},
    plan::{Attempt, Head, Request},
    wire::Wire,
};

/// The longest pause before another attempt.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// What one client has done.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) answers: Vec<(u32, Option<Published>)>,
    pub(crate) attempts: u64,
    /// Why another attempt was made.
    pub(crate) retries: BTreeMap<String, u64>,
    /// Bodies that were cut off on purpose.
    pub(crate) cut: u64,
    /// Requests that went out with others before the first answer came.
    pub(crate) pipelined: u64,
    /// Answered requests that were sent again, and how many of them got another answer.
    pub(crate) repeated: u64,
    pub(crate) changed: u64,
    /// Answered requests that were sent again with another body, and how many of them were not refused with 422.
    pub(crate) altered: u64,
    pub(crate) accepted: u64,
    /// Answers that are none of 200, 409, 429 and 503.
    pub(crate) strange: BTreeMap<String, u64>,
    /// From the start of the attempt that was answered to its answer.
    pub(crate) answer_times: Vec<Duration>,
    /// From the first attempt to the answer.
    pub(crate) request_times: Vec<Duration>,
}

pub(crate) struct Client<'a> {
    task: &'a Task,
    shared: &'a Shared,
    head: &'a Head,
    number: usize,
    random: Random,
    wire: Option<Wire>,
    figures: Figures,
}

impl<'a> Client<'a> {
    pub(crate) fn new(task: &'a Task, shared: &'a Shared, head: &'a Head, number: usize) -> Self {
        let random = Random::new(task.seed, number as u64 + (1 << 40));
        Self { task, shared, head, number, random, wire: None, figures: Figures::default() }
    }

    pub(crate) fn run(mut self) -> Figures {
        while let Some(index) = self.shared.next() {
            if self.task.faults && self.random.one_in(8) {
                self.pipeline(index);
            } else {
                self.complete(&Request::new(self.task.seed, index));
            }
        }
        self.figures
    }

    /// Sends this and up to three more requests before it reads an answer; what is not answered is sent again.
    fn pipeline(&mut self, first: u32) {
        let mut indexes = vec![first];
        indexes.extend((0..self.random.below(4)).map_while(|_| self.shared.next()));
        let requests: Vec<Request> =
            indexes.iter().map(|&index| Request::new(self.task.seed, index)).collect();
        self.figures.pipelined += requests.len() as u64;
        let begun = Instant::now();
        let mut answers = self.send_all(&requests).unwrap_or_default().into_iter();
        for request in &requests {
            if let Some(answer) = answers.next().filter(|answer| answer.status == 200) {
                self.figures.request_times.push(begun.elapsed());
                self.answered(request, &answer, begun);
            } else {
                self.count_retry("pipeline".to_owned());
                self.complete(request);
            }
        }
    }

    /// The answers to requests that went out at once, up to the first that is missing.
    fn send_all(&mut self, requests: &[Request]) -> io::Result<Vec<Answer>> {
        let mut bytes = Vec::new();
        for request in requests {
            bytes.extend(Attempt::new(request, self.head, true, &mut self.random).bytes());
        }
        self.figures.attempts += requests.len() as u64;
        let mut wire = self.open()?;
        wire.write(&bytes)?;
        let mut answers = Vec::new();
        for _ in requests {
            match wire.answer() {
                Ok(answer) => {
                    let closes = answer.closes;
                    answers.push(answer);
                    if closes {
                        return Ok(answers);
                    }
                }
                Err(_) => return Ok(answers),
            }
        }
        self.wire = Some(wire);
        Ok(answers)
    }

    /// Sends a request until it is answered; cuts it off first, now and then.
    fn complete(&mut self, request: &Request) {
        let begun = Instant::now();
        if self.task.faults && self.random.one_in(10) {
            self.figures.cut += 1;
            // A connection that is refused cuts the request, too.
            drop(self.cut(request));
        }
        let Some((answer, at)) = self.persist(request, begun) else { return };
        self.figures.request_times.push(begun.elapsed());
        self.answered(request, &answer, at);
    }

    fn answered(&mut self, request: &Request, answer: &Answer, at: Instant) {
        if answer.status != 200 {
            return self.count_strange(answer);
        }
        self.figures.answer_times.push(at.elapsed());
        self.figures.answers.push((request.index, answer.published()));
        if !self.task.faults {
            return;
        }
        if self.random.one_in(20) {
            self.figures.repeated += 1;
            let again = self.persist(request, Instant::now());
            self.figures.changed += u64::from(again.is_none_or(|(again, _)| again.body != answer.body));
        }
        if self.random.one_in(20) {
            self.figures.altered += 1;
            let other = request.altered(&mut self.random);
            let refused = self.persist(&other, Instant::now());
            self.figures.accepted += u64::from(refused.is_none_or(|(refused, _)| refused.status != 422));
        }
    }

    /// Makes attempts until one gets an answer that says more than "later", within the patience; and when that one began.
    fn persist(&mut self, request: &Request, begun: Instant) -> Option<(Answer, Instant)> {
        let mut pause = Duration::from_millis(2);
        while begun.elapsed() < self.task.patience {
            let at = Instant::now();
            match self.attempt(request) {
                Ok(answer) if !matches!(answer.status, 409 | 429 | 503) => return Some((answer, at)),
                Ok(answer) => self.count_retry(answer.status.to_string()),
                Err(error) => self.count_retry(error.to_string()),
            }
            // Half of the pause and a part of the other half, so that the clients do not come back all at once.
            let jitter = self.random.below(pause.as_micros() as usize / 2 + 1) as u64;
            thread::sleep(pause / 2 + Duration::from_micros(jitter));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        *self.figures.strange.entry("no answer in time".to_owned()).or_default() += 1;
        None
    }

    fn attempt(&mut self, request: &Request) -> io::Result<Answer> {
        self.figures.attempts += 1;
        let attempt = Attempt::new(request, self.head, false, &mut self.random);
        let mut wire = self.open()?;
        let answer = wire.exchange(&attempt)?;
        // A refusal that came instead of 100 leaves the body unread.
        if !answer.closes && !attempt.closes && answer.status == 200 {
            self.wire = Some(wire);
        }
        Ok(answer)
    }

    /// Sends a part of a request and goes, by an orderly end or a reset, now or a little later.
    fn cut(&mut self, request: &Request) -> io::Result<()> {
        let attempt = Attempt::new(request, self.head, false, &mut self.random);
        let bytes = attempt.bytes();
        // Mostly within the body.
        let start = if self.random.one_in(10) { 0 } else { attempt.head.len() };
        let end = start + self.random.below(bytes.len() - start);
        let mut wire = self.open()?;
        wire.write(&bytes[..end])?;
        if self.random.one_in(4) {
            thread::sleep(Duration::from_millis(self.random.below(20) as u64));
        }
        if self.random.one_in(2) {
            wire.reset();
        }
        Ok(())
    }

    /// The connection that is open, or a new one.
    fn open(&mut self) -> io::Result<Wire> {
        match self.wire.take() {
            Some(wire) => Ok(wire),
            None => self.task.to.connect(self.number),
        }
    }

    fn count_retry(&mut self, why: String) {
        *self.figures.retries.entry(why).or_default() += 1;
    }

    fn count_strange(&mut self, answer: &Answer) {
        let text = String::from_utf8_lossy(&answer.body);
        let what = format!("{} {}", answer.status, text.lines().next().unwrap_or_default());
        *self.figures.strange.entry(what).or_default() += 1;
    }
}
