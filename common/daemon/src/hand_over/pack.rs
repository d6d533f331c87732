//! The way of the descriptors from one process to the next: queued in Unix sockets whose other ends systemd's fd store
//! keeps.
//!
//! So the fd store keeps only a few descriptors, however many connections there are: storing thousands one by one takes it
//! half a minute. The first descriptor in the first queue is a memory file with the manifest.
//!
//! ```text
//!  message: `+`                                  the manifest
//!           `+` · place of the first of them     at most 253 descriptors; those of the daemon come before those of the connections
//! ```
//!
//! The service manager may return the sockets in any order, or lose one. Versions up to 0.2.0 write `+` alone, and read no more.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Seek as _, Write as _};
use std::iter;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// The most descriptors that one message carries: `SCM_MAX_FD` of Linux.
const PER_MESSAGE: usize = 253;
/// A `+` and a place.
const PAYLOAD: usize = 9;
/// The largest manifest that [`unpack`] reads, in bytes: enough for every connection with a full queue.
const MAX_MANIFEST: u64 = 4 << 30;

/// Descriptors that have come out of a queue together.
#[derive(Debug)]
pub(super) struct Message {
    /// The place of the first of them among those that were packed, if the process before wrote it.
    pub(super) place: Option<usize>,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Queues the manifest, which comes in parts, and the descriptors; the answer is the manifest's file, and the sockets to store.
///
/// # Errors
/// The system has no more memory or descriptors.
pub(super) fn pack(
    manifest: &[&[u8]],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<(File, Vec<UnixDatagram>)> {
    pack_by(PER_MESSAGE, manifest, descriptors)
}

/// With so many descriptors in a message.
fn pack_by(
    per_message: usize,
    manifest: &[&[u8]],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<(File, Vec<UnixDatagram>)> {
    let mut memory = File::from(memfd_create("hand-over", MemfdFlags::CLOEXEC)?);
    for part in manifest {
        memory.write_all(part)?;
    }
    let (mut filling, first) = UnixDatagram::pair()?;
    let mut kept = vec![first];
    let places = (0_u64..).step_by(per_message).map(Some);
    let first = [memory.as_fd()];
    let messages = iter::once((None, &first[..])).chain(places.zip(descriptors.chunks(per_message)));
    for (place, some) in messages {
        let mut sent = send(&filling, place, some);
        if let Err(Errno::AGAIN | Errno::NOBUFS) = sent {
            // The socket is full: go on with a new one.
            let (next, other_end) = UnixDatagram::pair()?;
            kept.push(other_end);
            filling = next;
            sent = send(&filling, place, some);
        }
        sent?;
    }
    Ok((memory, kept))
}

/// Queues a message.
pub(super) fn send(
    socket: &UnixDatagram,
    place: Option<u64>,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::INVAL);
    }
    let place = place.map(u64::to_le_bytes);
    let payload = [IoSlice::new(b"+"), IoSlice::new(place.as_ref().map_or(&[], |place| place))];
    sendmsg(socket, &payload, &mut control, SendFlags::DONTWAIT).map(drop)
}

/// The stored sockets in the order of the places of what they hold, wherever the service manager put them.
#[derive(Debug)]
pub(super) struct Queue {
    /// Each with its first message, as long as that is not taken.
    sockets: VecDeque<(Option<Message>, UnixDatagram)>,
}

/// Opens the stored sockets: takes the manifest out, and leaves the descriptors in the queue. `None` if an earlier process has emptied
/// them already, so that no two processes adopt the same connections.
///
/// # Errors
/// The system has no more descriptors, or the manifest is unreadable.
pub(super) fn unpack(kept: Vec<UnixDatagram>) -> io::Result<Option<(Vec<u8>, Queue)>> {
    let mut sockets = Vec::new();
    for socket in kept {
        if let Some(first) = receive(&socket)? {
            sockets.push((Some(first), socket));
        }
    }
    // Earlier versions tell no place: theirs stay in the order in which they came back.
    sockets.sort_by_key(|(first, _)| first.as_ref().and_then(|message| message.place));
    let mut queue = Queue { sockets: sockets.into() };
    let Some(Message { place, descriptors }) = queue.next().transpose()? else { return Ok(None) };
    let mut descriptors = descriptors.into_iter();
    // The only message without a place, or the first of a version that tells none.
    let Some(manifest) = descriptors.next().filter(|_| place.is_none()) else {
        return Err(io::Error::other("its manifest was lost"));
    };
    if descriptors.len() > 0 {
        queue.put_back(Message { place, descriptors: descriptors.collect() });
    }
    let mut memory = File::from(manifest);
    memory.rewind()?;
    // What it holds, not what it announces.
    let size = usize::try_from(memory.metadata()?.len().min(MAX_MANIFEST)).unwrap_or(0);
    let mut manifest = Vec::with_capacity(size.saturating_add(1));
    memory.take(MAX_MANIFEST).read_to_end(&mut manifest)?;
    Ok(Some((manifest, queue)))
}

impl Queue {
    /// True if the next message says where its descriptors belong, or there is none: versions up to 0.2.0 do not.
    pub(super) fn tells_places(&mut self) -> io::Result<bool> {
        let Some(next) = self.next().transpose()? else { return Ok(true) };
        let tells_places = next.place.is_some();
        self.put_back(next);
        Ok(tells_places)
    }

    /// The message that was taken last is the next one again.
    pub(super) fn put_back(&mut self, message: Message) {
        if let Some((first, _)) = self.sockets.front_mut() {
            *first = Some(message);
        }
    }
}

impl Iterator for Queue {
    type Item = io::Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (first, socket) = self.sockets.front_mut()?;
            if let Some(message) = first.take() {
                return Some(Ok(message));
            }
            match receive(socket).transpose() {
                Some(Ok(message)) => return Some(Ok(message)),
                end => {
                    self.sockets.pop_front();
                    if end.is_some() {
                        return end;
                    }
                }
            }
        }
    }
}

/// Takes the next message; `None` if the queue is empty.
fn receive(socket: &UnixDatagram) -> io::Result<Option<Message>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut payload = [0; PAYLOAD];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = match recvmsg(socket, &mut [IoSliceMut::new(&mut payload)], &mut control, flags) {
        // The other end was closed long ago; an empty queue also means the end.
        Ok(message) if message.bytes == 0 => return Ok(None),
        Err(Errno::AGAIN) => return Ok(None),
        received => received?,
    };
    let [_, place @ ..] = payload;
    let place = usize::try_from(u64::from_le_bytes(place)).ok().filter(|_| received.bytes == PAYLOAD);
    let rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok(Some(Message { place, descriptors: rights.flatten().collect() }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::open_files;

    type Placed = (Option<usize>, OwnedFd);

    /// The manifest and all descriptors of these sockets, each with its place.
    fn unpacked(kept: Vec<UnixDatagram>) -> Option<(Vec<u8>, Vec<Placed>)> {
        let (manifest, queue) = unpack(kept).unwrap()?;
        Some((manifest, queue.flat_map(|message| with_places(message.unwrap())).collect()))
    }

    fn with_places(Message { place, descriptors }: Message) -> Vec<Placed> {
        let place = |number| place.map(|place| place + number);
        descriptors.into_iter().zip(0..).map(|(descriptor, number)| (place(number), descriptor)).collect()
    }

    #[test]
    fn many_descriptors_and_the_manifest_come_out_in_order_and_only_once() {
        open_files::raise();
        let files: Vec<File> = (0..1000)
            .map(|number| {
                let mut file = tempfile::tempfile().unwrap();
                write!(file, "{number}").unwrap();
                file
            })
            .collect();
        let borrowed: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        let (_, kept) = pack(&[b"what is ", b"written"], &borrowed).unwrap();
        let again = kept.iter().map(|socket| socket.try_clone().unwrap()).collect();
        drop(files);
        let (manifest, taken) = unpacked(kept).unwrap();
        assert_eq!((manifest.as_slice(), taken.len()), (&b"what is written"[..], 1000));
        for (number, (place, descriptor)) in taken.into_iter().enumerate() {
            assert_eq!(place, Some(number));
            let mut text = String::new();
            let mut file = File::from(descriptor);
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, number.to_string());
        }
        assert!(unpack(again).unwrap().is_none(), "a second process finds nothing");
    }

    #[test]
    fn what_has_no_room_in_a_full_socket_is_the_first_in_the_next_one() {
        open_files::raise();
        let files: Vec<File> = (0..10).map(|_| tempfile::tempfile().unwrap()).collect();
        let inode = |file: &File| file.metadata().unwrap().ino();
        // A message for each: no socket holds them all.
        let borrowed: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).cycle().take(900).collect();
        let (_, mut kept) = pack_by(1, &[b"the manifest"], &borrowed).unwrap();
        assert!(kept.len() > 1, "no socket was full");
        // The service manager returns them in an order of its own.
        kept.reverse();
        let (manifest, taken) = unpacked(kept).unwrap();
        assert_eq!(manifest, b"the manifest");
        assert!(taken.iter().map(|(place, _)| *place).eq((0..900).map(Some)), "in the order of their places");
        let taken: Vec<u64> =
            taken.into_iter().map(|(_, descriptor)| inode(&File::from(descriptor))).collect();
        assert_eq!(taken, files.iter().map(inode).cycle().take(900).collect::<Vec<u64>>());
    }

    #[test]
    fn a_full_socket_is_followed_by_another_and_few_of_them_are_kept() {
        // unix(7): "ETOOMANYREFS" if more are in flight than the process may open, unless it is root's.
        open_files::raise();
        let many = 18_000.min(open_files::limit().saturating_sub(2_000));
        let file = tempfile::tempfile().unwrap();
        let borrowed = vec![file.as_fd(); many];
        let (_, kept) = pack(&[], &borrowed).unwrap();
        assert!(kept.len() <= 4, "{} sockets", kept.len());
        assert_eq!(unpacked(kept).unwrap().1.len(), many);
    }

    #[test]
    fn without_its_manifest_nothing_comes_out() {
        let file = tempfile::tempfile().unwrap();
        let (sender, kept) = UnixDatagram::pair().unwrap();
        send(&sender, Some(0), &[file.as_fd()]).unwrap();
        assert_eq!(unpack(vec![kept]).unwrap_err().to_string(), "its manifest was lost");
        let (sender, kept) = UnixDatagram::pair().unwrap();
        sender.send(b"+").unwrap();
        assert_eq!(unpack(vec![kept]).unwrap_err().to_string(), "its manifest was lost");
    }

    #[test]
    fn what_versions_up_to_0_2_0_queued_behind_the_manifest_comes_out_with_it() {
        let mut manifest = tempfile::tempfile().unwrap();
        manifest.write_all(b"the manifest").unwrap();
        let file = tempfile::tempfile().unwrap();
        let (sender, kept) = UnixDatagram::pair().unwrap();
        send(&sender, None, &[manifest.as_fd(), file.as_fd()]).unwrap();
        send(&sender, None, &[file.as_fd()]).unwrap();
        let (manifest, mut queue) = unpack(vec![kept]).unwrap().unwrap();
        assert_eq!((manifest.as_slice(), queue.tells_places().unwrap()), (&b"the manifest"[..], false));
        assert_eq!(queue.map(|message| message.unwrap().descriptors.len()).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn earlier_versions_tell_no_place_and_what_they_read_is_a_plus() {
        let file = tempfile::tempfile().unwrap();
        let (sender, kept) = UnixDatagram::pair().unwrap();
        send(&sender, None, &[file.as_fd(), file.as_fd()]).unwrap();
        send(&sender, Some(253), &[file.as_fd(), file.as_fd()]).unwrap();
        let taken = iter::from_fn(|| receive(&kept).unwrap()).flat_map(with_places);
        let places: Vec<_> = taken.map(|(place, _)| place).collect();
        assert_eq!(places, [None, None, Some(253), Some(254)]);
        send(&sender, Some(253), &[file.as_fd()]).unwrap();
        let mut byte = [0];
        assert_eq!((kept.recv(&mut byte).unwrap(), byte), (1, *b"+"));
    }
}
