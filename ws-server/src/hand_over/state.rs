//! What the next process has to know beside the connections, as bytes.

use std::sync::Arc;

use common::{
    codec::{Reader, Writer},
    id::Epoch,
};
use daemon::clock::Moment;

use crate::{
    broadcast::{NoticeState, put_departures, put_notices, take_departures, take_notices},
    publish::{Keys, put_keys, take_keys},
    source::Filling,
    stream::{
        Batch, Numbering, RingBegin, ScheduleState, SourceChange, SourceKind, put_batch, put_change,
        put_marks, put_schedule, take_batch, take_change, take_marks, take_schedule,
    },
};

/// What a process knows beside its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProcessState {
    /// The format in which it and its connections were written.
    pub(crate) format: u32,
    /// The epoch of the numbers.
    pub(crate) epoch: Epoch,
    /// The smallest id that no connection has had.
    pub(crate) next_id: u64,
    /// The sequence number of the next line.
    pub(crate) next_line: u64,
    pub(crate) schedule: Option<ScheduleState>,
    /// What not all clients have heard beside the stream.
    pub(crate) notices: NoticeState,
    /// The newest messages.
    pub(crate) ring: Vec<Arc<Batch>>,
    /// The value of `--source`; the descriptors beside belong to this source.
    pub(crate) source: String,
    /// The beginning of a line that each of these descriptors has written.
    pub(crate) partials: Vec<Option<Vec<u8>>>,
    /// What the source was doing.
    pub(crate) source_state: SourceChange,
    /// What was published under which key.
    pub(crate) keys: Keys,
    /// What there is to know beside where the numbers are given; `None` where they are our own.
    pub(crate) given: Option<GivenState>,
}

/// What a process knows whose numbers are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GivenState {
    /// Whether the source still brings what there was before it began.
    pub(crate) filling: Filling,
    /// Where the ring begins.
    pub(crate) begin: RingBegin,
    /// For each of the descriptors, whether messages before its next one are lost.
    pub(crate) gaps: Vec<bool>,
}

impl ProcessState {
    /// Writes it down at this moment.
    pub(crate) fn to_bytes(&self, at: Moment) -> Vec<u8> {
        let mut to = Writer::default();
        to.long(self.epoch.as_millis());
        to.long(self.next_id);
        to.long(self.next_line);
        to.flag(self.schedule.is_some());
        if let Some(schedule) = &self.schedule {
            put_schedule(schedule, at, &mut to);
        }
        put_departures(&self.notices.departures, &mut to);
        to.long(self.ring.len() as u64);
        self.ring.iter().for_each(|batch| put_batch(batch, &mut to));
        to.bytes(self.source.as_bytes());
        to.long(self.partials.len() as u64);
        for partial in &self.partials {
            to.flag(partial.is_some());
            to.bytes(partial.as_deref().unwrap_or_default());
        }
        put_notices(&self.notices, at, &mut to);
        // Only where there is something to say: versions that do not know it refuse the whole state. What stands before the last
        // part must then be there.
        if self.source_state.number > 0 || !self.keys.is_empty() || self.given.is_some() {
            put_change(&self.source_state, &mut to);
        }
        if !self.keys.is_empty() || self.given.is_some() {
            put_keys(&self.keys, &mut to);
        }
        if let Some(given) = &self.given {
            put_given(given, &mut to);
            put_marks(given.begin, &self.ring, &mut to);
        }
        to.into_bytes()
    }

    /// Reads it back at this moment; `None` for anything else than what [`ProcessState::to_bytes`] of this format wrote.
    /// Format 1 has no epoch: its stream goes on with the `fresh` one.
    pub(crate) fn from_bytes(bytes: &[u8], format: u32, fresh: Epoch, at: Moment) -> Option<Self> {
        let mut from = Reader::new(bytes);
        let epoch = if format == 1 { fresh } else { Epoch::from_millis(from.long()?) };
        let (next_id, next_line) = (from.long()?, from.long()?);
        let schedule = if from.flag()? { Some(take_schedule(&mut from, at)?) } else { None };
        let departures = take_departures(&mut from)?;
        let mut ring = (0..from.long()?).map(|_| take_batch(&mut from, epoch)).collect::<Option<Vec<_>>>()?;
        let source = String::from_utf8(from.bytes()?.to_vec()).ok()?;
        let mut partials = Vec::new();
        for _ in 0..from.long()? {
            let (is_there, bytes) = (from.flag()?, from.bytes()?);
            partials.push(is_there.then(|| bytes.to_vec()));
        }
        let notices = if format >= 2 {
            take_notices(departures, &mut from, at)?
        } else {
            NoticeState { departures, ..NoticeState::default() }
        };
        let source_state = if from.is_empty() { SourceChange::default() } else { take_change(&mut from)? };
        let keys = if from.is_empty() { Keys::default() } else { take_keys(&mut from)? };
        let given =
            if from.is_empty() { None } else { Some(take_given(partials.len(), &mut ring, &mut from)?) };
        let state = Self {
            format,
            epoch,
            next_id,
            next_line,
            schedule,
            notices,
            ring,
            source,
            partials,
            source_state,
            keys,
            given,
        };
        from.is_empty().then_some(state)
    }

    /// What its numbers count.
    pub(crate) fn numbering(&self) -> Numbering {
        match (&self.schedule, self.source == SourceKind::Clock.to_string()) {
            (Some(_), _) => Numbering::Dates,
            (None, true) => Numbering::Nothing,
            (None, false) if self.given.is_some() => Numbering::GivenLines,
            (None, false) => Numbering::Lines,
        }
    }
}

fn put_given(given: &GivenState, to: &mut Writer) {
    to.byte(match given.filling {
        Filling::No => 0,
        Filling::Yes => 1,
        Filling::Settled => 2,
    });
    for gap in &given.gaps {
        to.flag(*gap);
    }
}

fn take_given(descriptors: usize, ring: &mut [Arc<Batch>], from: &mut Reader<'_>) -> Option<GivenState> {
    let filling = match from.byte()? {
        0 => Filling::No,
        1 => Filling::Yes,
        2 => Filling::Settled,
        _ => return None,
    };
    let gaps = (0..descriptors).map(|_| from.flag()).collect::<Option<_>>()?;
    let begin = take_marks(ring, from)?;
    Some(GivenState { filling, begin, gaps })
}
