use super::*;
use crate::PageStore;

/// Takes `room` bytes at a time, then says `WouldBlock` once.
struct Narrow {
    room: usize,
    blocked: bool,
    got: Vec<u8>,
}

impl Wire for Narrow {
    fn write(&mut self, bytes: &[IoSlice<'_>], _: bool) -> io::Result<usize> {
        self.blocked = !self.blocked;
        if self.blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let all: Vec<u8> = bytes.iter().flat_map(|slice| slice.iter()).copied().collect();
        let taken = all.len().min(self.room);
        self.got.extend_from_slice(&all[..taken]);
        Ok(taken)
    }

    fn send_file(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; len.min(self.room)];
        let read = file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        self.write(&[IoSlice::new(&bytes)], false)
    }

    fn send_pages(&mut self, pages: &Pages, offset: u64, len: usize) -> io::Result<usize> {
        let mut bytes = vec![0; len.min(self.room)];
        pages.read(offset, &mut bytes)?;
        self.write(&[IoSlice::new(&bytes)], false)
    }

    fn watch_writable(&mut self, _: Token, _: Watched) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn local(&self) -> Option<SocketAddr> {
        None
    }
}

/// Bytes of memory that it keeps alive.
fn held(outbox: &Outbox) -> usize {
    let memory = |segment: &Segment| match segment {
        Segment::Own { bytes, .. } => bytes.capacity(),
        Segment::Shared { bytes, .. } => bytes.len(),
        Segment::Pages { .. } | Segment::File { .. } => 0,
    };
    let queue = |queue: &Queue| {
        queue.segments.iter().map(memory).sum::<usize>()
            + queue.segments.capacity() * size_of::<Segment>()
            + size_of::<Queue>()
    };
    outbox.0.as_deref().map_or(0, queue)
}

#[test]
fn segments_leave_in_order_whatever_the_kernel_takes_at_a_time() {
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, b"0123456789").unwrap();
    let pages = Arc::new(PageStore::new().unwrap().copy(&file, 10).unwrap());
    let file = Arc::new(file);
    for room in 1..40 {
        let mut outbox = Outbox::default();
        outbox.own().extend_from_slice(b"head ");
        outbox.push_shared(&Arc::from(&b"xxsharedxx"[..]), 2..8);
        outbox.own().extend_from_slice(b" own ");
        outbox.push_file(file.clone(), 2, 5);
        outbox.push_pages(pages.clone(), 3, 6);
        outbox.own().extend_from_slice(b" end");
        let mut wire = Narrow { room, blocked: false, got: Vec::new() };
        while outbox.flush(&mut wire, &mut Spare::default()).unwrap() != Flushed::All {}
        assert_eq!(wire.got, b"head shared own 23456345678 end", "{room} at a time");
        assert_eq!(held(&outbox), 0, "it owns no memory");
    }
}

#[test]
fn what_an_outbox_leaves_behind_serves_the_next_one_which_keeps_none_of_it_while_it_waits() {
    let (mut outbox, mut spare) = (Outbox::default(), Spare::default());
    let mut wire = Narrow { room: usize::MAX, blocked: true, got: Vec::new() };
    for len in [10, 2 * MAX_SPARE, 60_000] {
        outbox.begin(&mut spare);
        outbox.own().resize(len, b'x');
        assert_eq!(outbox.flush(&mut wire, &mut spare).unwrap(), Flushed::All);
        assert!(outbox.is_empty() && spare.bytes.capacity() <= MAX_SPARE);
        wire.blocked = true;
    }
    assert!((60_000..=MAX_SPARE).contains(&spare.bytes.capacity()), "{}", spare.bytes.capacity());
    outbox.begin(&mut spare);
    assert_eq!(outbox.len(), 0);
    assert!(outbox.own().capacity() >= 60_000);
    outbox.own().extend_from_slice(b"abcd");
    wire.blocked = false;
    let blocked = Flushed::Blocked { progress: false, moved: false };
    assert_eq!(outbox.flush(&mut wire, &mut spare).unwrap(), blocked);
    assert!(outbox.own().capacity() <= 4 * MAX_PINNED, "{}", outbox.own().capacity());
}

#[test]
fn a_file_that_shrank_is_an_error_and_never_padding() {
    let mut outbox = Outbox::default();
    outbox.push_file(Arc::new(tempfile::tempfile().unwrap()), 0, 5);
    let mut wire = Narrow { room: 9, blocked: true, got: Vec::new() };
    assert_eq!(
        outbox.flush(&mut wire, &mut Spare::default()).unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

#[test]
fn a_part_of_a_memory_segment_is_no_progress_but_its_end_is() {
    let mut outbox = Outbox::default();
    outbox.own().extend_from_slice(b"abcd");
    let mut wire = Narrow { room: 3, blocked: true, got: Vec::new() };
    assert_eq!(
        outbox.flush(&mut wire, &mut Spare::default()).unwrap(),
        Flushed::Blocked { progress: false, moved: true }
    );
    outbox.push_shared(&Arc::from(&b"efgh"[..]), 0..4);
    assert_eq!(
        outbox.flush(&mut wire, &mut Spare::default()).unwrap(),
        Flushed::Blocked { progress: true, moved: true }
    );
}

#[test]
fn a_part_of_a_file_is_progress() {
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, b"0123456789").unwrap();
    let mut outbox = Outbox::default();
    outbox.push_file(Arc::new(file), 0, 10);
    let mut wire = Narrow { room: 3, blocked: true, got: Vec::new() };
    assert_eq!(
        outbox.flush(&mut wire, &mut Spare::default()).unwrap(),
        Flushed::Blocked { progress: true, moved: true }
    );
}

#[test]
fn a_message_is_shared_unless_it_is_short_or_a_small_part_of_its_memory() {
    for (piece, whole, is_shared) in [
        (255, 255, false),
        (256, 256, true),
        (256, 1024, true),
        (256, 1025, false),
        (16 * 1024, 1 << 20, false),
        (20_000, 1 << 20, true),
    ] {
        let bytes: Arc<[u8]> = vec![0; whole].into();
        let mut outbox = Outbox::default();
        outbox.push_shared(&bytes, 0..piece);
        assert_eq!(Arc::strong_count(&bytes) == 2, is_shared, "{piece} of {whole}");
    }
}

#[test]
fn each_step_through_a_long_segment_is_progress() {
    let mut outbox = Outbox::default();
    outbox.push_shared(&Arc::from(vec![0; 64 * 1024]), 0..64 * 1024);
    let mut wire = Narrow { room: 1024, blocked: true, got: Vec::new() };
    let mut steps = 0;
    while let Flushed::Blocked { progress, .. } = outbox.flush(&mut wire, &mut Spare::default()).unwrap() {
        steps += usize::from(progress);
    }
    assert_eq!(steps, 16, "at every fourth of 64 writes");
}

#[test]
fn a_turn_writes_a_bounded_part_of_long_memory() {
    let mut outbox = Outbox::default();
    outbox.own().extend_from_slice(b"head");
    outbox.push_shared(&Arc::from(vec![0; 1 << 20]), 0..1 << 20);
    let mut wire = Narrow { room: usize::MAX, blocked: true, got: Vec::new() };
    assert_eq!(outbox.flush(&mut wire, &mut Spare::default()).unwrap(), Flushed::Budget);
    assert_eq!(wire.got.len(), MAX_WRITE);
}

#[test]
fn what_is_queued_holds_no_more_than_a_few_times_its_length() {
    for (piece, whole) in
        [(1, 64 * 1024), (300, 64 * 1024), (3, 3), (255, 255), (1024, 2000), (20_000, 64 * 1024)]
    {
        let mut outbox = Outbox::default();
        let bytes: Arc<[u8]> = (0..whole).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut expected = Vec::new();
        while expected.len() < 64 * 1024 {
            outbox.push_shared(&bytes, whole - piece..whole);
            expected.extend_from_slice(&bytes[whole - piece..]);
        }
        assert_eq!(outbox.len(), expected.len() as u64);
        assert!(held(&outbox) <= expected.len() * MAX_PINNED, "{} for {piece} of {whole}", held(&outbox));
        assert_eq!(outbox.take_memory().unwrap(), expected);
    }
}
