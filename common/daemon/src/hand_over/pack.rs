//! The way of the descriptors from one process to the next: queued in Unix sockets whose other ends systemd's fd store
//! keeps.
//!
//! So the fd store keeps only a few descriptors, however many connections there are: storing thousands one by one takes it
//! half a minute. The first descriptor in the queue is a memory file with the manifest.

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
/// The largest manifest that [`unpack`] reads, in bytes: enough for every connection with a full queue.
const MAX_MANIFEST: u64 = 4 << 30;

/// Queues the manifest and the descriptors; the answer is the sockets to store.
///
/// # Errors
/// The system has no more memory or descriptors.
pub(super) fn pack(manifest: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<Vec<UnixDatagram>> {
    pack_by(PER_MESSAGE, manifest, descriptors)
}

/// With so many descriptors in a message.
fn pack_by(
    per_message: usize,
    manifest: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<Vec<UnixDatagram>> {
    let mut memory = File::from(memfd_create("hand-over", MemfdFlags::CLOEXEC)?);
    memory.write_all(manifest)?;
    let (mut filling, first) = UnixDatagram::pair()?;
    let mut kept = vec![first];
    for some in iter::once(&[memory.as_fd()][..]).chain(descriptors.chunks(per_message)) {
        let mut sent = send(&filling, some);
        if let Err(Errno::AGAIN | Errno::NOBUFS) = sent {
            // The socket is full: go on with a new one.
            let (next, other_end) = UnixDatagram::pair()?;
            kept.push(other_end);
            filling = next;
            sent = send(&filling, some);
        }
        sent?;
    }
    Ok(kept)
}

fn send(socket: &UnixDatagram, descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::INVAL);
    }
    sendmsg(socket, &[IoSlice::new(b"+")], &mut control, SendFlags::DONTWAIT).map(drop)
}

/// Empties the stored sockets: returns the manifest and the descriptors in their order. `None` if an earlier process has
/// emptied them already, so that no two processes adopt the same connections.
///
/// # Errors
/// The system has no more descriptors, or the manifest is unreadable.
pub(super) fn unpack(kept: &[UnixDatagram]) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut descriptors = Vec::new();
    for socket in kept {
        while let Some(some) = receive(socket)? {
            descriptors.extend(some);
        }
    }
    if descriptors.is_empty() {
        return Ok(None);
    }
    let mut memory = File::from(descriptors.remove(0));
    let mut manifest = Vec::new();
    memory.rewind()?;
    memory.take(MAX_MANIFEST).read_to_end(&mut manifest)?;
    Ok(Some((manifest, descriptors)))
}

/// Returns the descriptors of the next message; `None` if the queue is empty.
fn receive(socket: &UnixDatagram) -> io::Result<Option<Vec<OwnedFd>>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    match recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, flags) {
        // The other end was closed long ago; an empty queue also means the end.
        Ok(message) if message.bytes == 0 => return Ok(None),
        Err(Errno::AGAIN) => return Ok(None),
        received => received?,
    };
    let rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok(Some(rights.flatten().collect()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::open_files;

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
        let kept = pack(b"what is written", &borrowed).unwrap();
        drop(files);
        let (manifest, taken) = unpack(&kept).unwrap().unwrap();
        assert_eq!(manifest, b"what is written");
        for (number, descriptor) in taken.into_iter().enumerate() {
            let mut text = String::new();
            let mut file = File::from(descriptor);
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, number.to_string());
        }
        assert!(unpack(&kept).unwrap().is_none(), "a second process finds nothing");
    }

    #[test]
    fn what_has_no_room_in_a_full_socket_is_the_first_in_the_next_one() {
        open_files::raise();
        let files: Vec<File> = (0..10).map(|_| tempfile::tempfile().unwrap()).collect();
        let inode = |file: &File| file.metadata().unwrap().ino();
        // A message for each: no socket holds them all.
        let borrowed: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).cycle().take(900).collect();
        let kept = pack_by(1, b"", &borrowed).unwrap();
        assert!(kept.len() > 1, "no socket was full");
        let (_, taken) = unpack(&kept).unwrap().unwrap();
        let taken: Vec<u64> = taken.into_iter().map(|descriptor| inode(&File::from(descriptor))).collect();
        assert_eq!(taken, files.iter().map(inode).cycle().take(900).collect::<Vec<u64>>());
    }

    #[test]
    fn a_full_socket_is_followed_by_another_and_few_of_them_are_kept() {
        // unix(7): "ETOOMANYREFS" if more are in flight than the process may open, unless it is root's.
        open_files::raise();
        let many = 18_000.min(open_files::limit().saturating_sub(2_000));
        let file = tempfile::tempfile().unwrap();
        let borrowed = vec![file.as_fd(); many];
        let kept = pack(b"", &borrowed).unwrap();
        assert!(kept.len() <= 4, "{} sockets", kept.len());
        let mut count = 0;
        for socket in &kept {
            while let Some(some) = receive(socket).unwrap() {
                count += some.len();
            }
        }
        assert_eq!(count, many + 1);
    }
}
