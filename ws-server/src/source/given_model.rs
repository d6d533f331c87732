//! What producers write with `--numbers given`, in whatever pieces and order, against a model that reads whole lines.

use std::sync::{Arc, Mutex};

use common::id::{Epoch, MessageId};
use proptest::prelude::*;

use super::{
    lines::{InvalidUtf8, LineFaults, LineRules},
    progress::{Filling, Head, SourceProgress},
    publisher::{LineFormat, Publisher},
};
use crate::stream::{DateFormat, Numbers, Template};

const PRODUCERS: usize = 3;
const MAX_LINE: usize = 8;
const RULES: LineRules =
    LineRules { max_line: MAX_LINE, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Given };

/// What the workers get.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// A message, and whether messages before it are lost.
    Message(MessageId, String, bool),
    CaughtUp,
}

/// A piece of what one producer writes.
type Piece = (usize, Vec<u8>);

#[derive(Default)]
struct Model {
    unread: [Vec<u8>; PRODUCERS],
    is_after_gap: [bool; PRODUCERS],
    newest: Option<MessageId>,
    is_caught_up: bool,
    events: Vec<Event>,
    faults: LineFaults,
}

impl Model {
    fn write(&mut self, producer: usize, bytes: &[u8]) {
        self.unread[producer].extend_from_slice(bytes);
        while let Some(end) = self.unread[producer].iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread[producer].drain(..=end).collect();
            self.line(producer, line.trim_ascii_end_of_line());
        }
    }

    fn line(&mut self, producer: usize, line: &[u8]) {
        let shown = String::from_utf8_lossy(line).into_owned();
        match (shown.as_str(), shown.split_once('\t')) {
            ("!gap", _) => self.is_after_gap[producer] = true,
            ("!caught-up", _) => {
                if !std::mem::replace(&mut self.is_caught_up, true) {
                    self.events.push(Event::CaughtUp);
                }
            }
            (_, Some((id, text))) => {
                let (epoch, number) = id.split_once('_').unwrap_or(("000000000000", id));
                let digits = Some(number).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
                let number =
                    digits.and_then(|digits| digits.parse().ok()).filter(|number| *number < u64::MAX);
                let (Ok(epoch), Some(number)) = (u64::from_str_radix(epoch, 16), number) else {
                    return self.faults.no_number += 1;
                };
                let id = MessageId { epoch: Epoch::from_millis(epoch), number };
                let length = line.len() - line.iter().position(|byte| *byte == b'\t').unwrap() - 1;
                self.message(producer, id, text, length);
            }
            (shown, None) if shown.starts_with('!') => self.faults.unknown_word += 1,
            _ => self.faults.no_number += 1,
        }
    }

    fn message(&mut self, producer: usize, id: MessageId, text: &str, length: usize) {
        let present = self.newest.map_or(Epoch::default(), |newest| newest.epoch);
        if id.epoch < present {
            self.faults.old_epoch += 1;
        } else if self.newest.is_some_and(|newest| id <= newest) {
            self.faults.repeated += 1;
            self.is_after_gap[producer] = false;
        } else if length > MAX_LINE {
            self.faults.too_long += 1;
        } else {
            self.faults.replaced += u64::from(text.contains('\u{fffd}'));
            self.newest = Some(id);
            let is_after_gap = std::mem::take(&mut self.is_after_gap[producer]);
            self.events.push(Event::Message(id, text.to_owned(), is_after_gap));
        }
    }

    fn end(&mut self) {
        self.faults.unfinished = self.unread.iter().filter(|unread| !unread.is_empty()).count() as u64;
    }
}

trait Line {
    fn trim_ascii_end_of_line(&self) -> &[u8];
}

impl Line for Vec<u8> {
    /// Without its LF or CR LF.
    fn trim_ascii_end_of_line(&self) -> &[u8] {
        let line = &self[..self.len() - 1];
        line.strip_suffix(b"\r").unwrap_or(line)
    }
}

/// What the workers get of these pieces, what was dropped, and where the source stands then.
fn published(pieces: &[Piece]) -> (Vec<Event>, LineFaults, Head) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let (batches, fillings) = (Arc::clone(&events), Arc::clone(&events));
    let head = Head { filling: Filling::Yes, ..Head::at(MessageId::default()) };
    let progress = SourceProgress::new(0, head);
    let format = LineFormat { template: Template::line(), date_format: DateFormat::Unix, rules: RULES };
    let publisher = Publisher::new(Arc::clone(&progress), format, move |batch| {
        let messages = batch.texts().enumerate().map(|(place, text)| {
            Event::Message(batch.id_of(place), text.to_owned(), place == 0 && batch.follows_gap())
        });
        batches.lock().unwrap().extend(messages);
    })
    .telling(move |filling| {
        assert_eq!(filling, Filling::No);
        fillings.lock().unwrap().push(Event::CaughtUp);
    });
    let mut splitters = [(); PRODUCERS].map(|()| publisher.splitter());
    for (producer, bytes) in pieces.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        publisher.publish(&mut splitters[*producer], bytes);
    }
    for splitter in &mut splitters {
        publisher.publish(splitter, &[]);
    }
    let events = events.lock().unwrap().clone();
    (events, publisher.fault_counts().get(), progress.head())
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof![
        4 => (0..12_u64).prop_map(|number| number.to_string()),
        4 => (0..3_u64, 0..12_u64).prop_map(|(epoch, number)| format!("{epoch:012x}_{number}")),
        1 => Just(format!("{:012x}_{}", 1, 1_u64 << 62)),
        1 => prop_oneof![Just(u64::MAX.to_string()), Just("+3".to_owned()), Just(String::new())],
    ];
    let text = prop_oneof![
        6 => "[a-z\t!]{0,6}".prop_map(String::into_bytes),
        1 => "[a-z]{8,9}".prop_map(String::into_bytes),
        1 => Just(b"\xff\xfe".to_vec()),
    ];
    prop_oneof![
        8 => (id, text).prop_map(|(id, text)| [id.as_bytes(), b"\t", &text].concat()),
        1 => Just(b"!gap".to_vec()),
        1 => prop_oneof![Just("!caught-up"), Just("!"), Just("no number"), Just("")]
            .prop_map(|line| line.as_bytes().to_vec()),
    ]
}

/// The lines of each producer, cut into pieces; the last one may lack its end.
fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let end = prop_oneof![8 => Just(b"\n".to_vec()), 2 => Just(b"\r\n".to_vec())];
    let lines = prop::collection::vec((0..PRODUCERS, line(), end, 0..60_usize), 0..40);
    lines.prop_map(|lines| {
        let pieces = lines.into_iter().flat_map(|(producer, line, end, at)| {
            let whole = [line, end].concat();
            let (first, second) = whole.split_at(at.min(whole.len()));
            [(producer, first.to_vec()), (producer, second.to_vec())]
        });
        // Of two lines side by side, parts lie between each other's.
        let mut pieces: Vec<Piece> = pieces.collect();
        for pair in pieces.chunks_mut(4).filter(|pair| pair.len() == 4 && pair[1].0 != pair[2].0) {
            pair.swap(1, 2);
        }
        pieces
    })
}

proptest! {
    #[test]
    fn any_pieces_of_any_producers_are_published_as_by_the_model(pieces in pieces(), lacks_end in any::<bool>()) {
        let mut pieces = pieces;
        if lacks_end {
            pieces.pop();
        }
        let mut model = Model::default();
        for (producer, bytes) in &pieces {
            model.write(*producer, bytes);
        }
        model.end();
        let (events, faults, head) = published(&pieces);
        prop_assert_eq!(events, model.events);
        prop_assert_eq!(faults, model.faults);
        let next = model.newest.map_or(MessageId::default(), |newest| MessageId { number: newest.number + 1, ..newest });
        prop_assert_eq!((head.epoch, head.next), (next.epoch, next.number));
        prop_assert_eq!(head.filling == Filling::No, model.is_caught_up);
    }
}
