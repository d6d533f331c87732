//! The calls to the operating system, over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};

use super::*;

/// No wait of these tests is longer.
const PATIENCE: Duration = Duration::from_secs(20);
const FIRST: Token = Token { index: 7, generation: 3 };

fn kernel() -> Kernel {
    Kernel::new(&Settings::default()).unwrap()
}

/// A listener on a free port.
fn listener() -> (Listener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (mio::net::TcpListener::from_std(listener).into(), address)
}

/// The next newcomer, within the patience: for a peer, `connect` is over before its last segment has reached our side.
fn accept(kernel: &mut Kernel, listener: &Listener) -> (Socket, Option<SocketAddr>) {
    await_newcomer(listener);
    kernel.accept(listener).unwrap()
}

/// Waits until somebody can be accepted, and accepts nobody.
fn await_newcomer(listener: &Listener) {
    let patience = PATIENCE.try_into().unwrap();
    assert_eq!(poll(&mut [PollFd::new(&listener.socket, PollFlags::IN)], Some(&patience)), Ok(1));
}

/// A connection that the kernel has accepted, and its peer.
fn connected(kernel: &mut Kernel) -> (Socket, TcpStream) {
    let (listener, address) = listener();
    kernel.add_listener(&listener, 0).unwrap();
    let peer = TcpStream::connect(address).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let (socket, address_of_peer) = accept(kernel, &listener);
    assert_eq!(address_of_peer, peer.local_addr().ok());
    assert_eq!(kernel.local(&socket), Some(address));
    (socket, peer)
}

/// A connection of another process, and its peer.
fn adopted(kernel: &mut Kernel) -> (Socket, UnixStream) {
    let (ours, peer) = UnixStream::pair().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let (socket, address_of_peer) = kernel.adopt(ours.into(), None).unwrap();
    assert_eq!((address_of_peer, kernel.local(&socket)), (None, None));
    (socket, peer)
}

/// The events of one poll, within the patience.
fn events(kernel: &mut Kernel) -> Vec<Event> {
    let mut events = Vec::new();
    let end = kernel.now() + PATIENCE;
    while events.is_empty() && kernel.now() < end {
        kernel.poll(&mut events, Some(PATIENCE)).unwrap();
    }
    events
}

/// Those that are there already.
fn events_now(kernel: &mut Kernel) -> Vec<Event> {
    let mut events = Vec::new();
    while kernel.poll(&mut events, Some(Duration::ZERO)).unwrap() == Polled::Interrupted {}
    events
}

/// Of the one event: readable, writable, the peer's end, both ends.
fn flags(kernel: &mut Kernel, expected: Token) -> (bool, bool, bool, bool) {
    let events = events(kernel);
    let [Event { target: Target::Connection(token), readable, writable, read_closed, hung_up }] = events[..]
    else {
        panic!("{} events", events.len());
    };
    assert_eq!(token, expected);
    (readable, writable, read_closed, hung_up)
}

#[test]
fn each_side_of_a_connection_is_reported_under_its_own_token() {
    let mut kernel = kernel();
    for token in
        [FIRST, Token { index: 0, generation: 0 }, Token { index: u32::MAX, generation: u32::MAX - 1 }]
    {
        let (socket, mut peer) = adopted(&mut kernel);
        kernel.add(&socket, token, false).unwrap();
        assert!(events_now(&mut kernel).is_empty(), "nothing has come yet");
        peer.write_all(b"x").unwrap();
        assert_eq!(flags(&mut kernel, token), (true, false, false, false));
        assert!(events_now(&mut kernel).is_empty(), "an edge is reported once");
        kernel.watch_writable(&socket, token).unwrap();
        assert_eq!(flags(&mut kernel, token), (true, true, false, false));
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(flags(&mut kernel, token), (true, true, true, false));
        drop(peer);
        assert_eq!(flags(&mut kernel, token), (true, true, true, true));
        kernel.close(socket, false);
    }
}

#[test]
fn a_wake_from_another_thread_ends_a_poll() {
    let mut kernel = kernel();
    kernel.waker().wake().unwrap();
    assert!(matches!(events(&mut kernel)[..], [Event { target: Target::Waker, .. }]));
    assert!(events_now(&mut kernel).is_empty());
}

#[test]
fn a_newcomer_is_reported_for_its_listener_until_that_is_removed() {
    let mut kernel = kernel();
    let (listener, address) = listener();
    kernel.add_listener(&listener, 5).unwrap();
    let _one = TcpStream::connect(address).unwrap();
    assert!(matches!(events(&mut kernel)[..], [Event { target: Target::Listener(5), .. }]));
    kernel.remove_listener(&listener).unwrap();
    let _another = TcpStream::connect(address).unwrap();
    assert!(events_now(&mut kernel).is_empty());
}

#[test]
fn a_poll_that_is_full_says_so() {
    let mut kernel = kernel();
    let mut all = Vec::new();
    for index in 0..=u32::try_from(EVENTS).unwrap() {
        let (socket, mut peer) = adopted(&mut kernel);
        kernel.add(&socket, Token { index, generation: 0 }, false).unwrap();
        peer.write_all(b"x").unwrap();
        all.push((socket, peer));
    }
    let mut events = Vec::new();
    assert_eq!(kernel.poll(&mut events, Some(Duration::ZERO)).unwrap(), Polled::Part);
    assert_eq!(events.len(), EVENTS);
    assert_eq!(kernel.poll(&mut events, Some(Duration::ZERO)).unwrap(), Polled::All);
    assert_eq!(events.len(), 1);
}

#[test]
fn an_accepted_socket_is_non_blocking_and_closed_in_other_programs_and_joins_no_writes() {
    let mut kernel = kernel();
    let (socket, _peer) = connected(&mut kernel);
    assert!(socket.nonblocking().unwrap());
    let flags = rustix::io::fcntl_getfd(&socket).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    assert!(socket.tcp_nodelay().unwrap());
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), 128 * 1024);
    let error = kernel.read(&socket, &mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

/// Asserts that a connection has all options of a server with these settings.
fn assert_options(socket: &Socket, settings: &Settings) {
    assert!(socket.tcp_nodelay().unwrap());
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), MAX_UNSENT);
    let Settings { probe_after, probe_timeout, write_timeout, send_buffer, .. } = *settings;
    let silence = (probe_after + probe_timeout).max(write_timeout);
    assert_eq!(keepalive(socket), (probe_after, probe_timeout / PROBES, PROBES, silence));
    // "The kernel doubles this value (to allow space for bookkeeping overhead)": socket(7).
    assert_eq!(socket.send_buffer_size().unwrap(), send_buffer.unwrap() * 2);
}

#[test]
fn a_connection_inherits_its_options_and_one_that_came_before_them_gets_them() {
    let (listener, address) = listener(); // as from another process: it listens already
    let mut settings = Settings { send_buffer: Some(20_000), ..Settings::default() };
    let mut kernel = Kernel::new(&settings).unwrap();
    for reload in [false, true] {
        let earlier = TcpStream::connect(address).unwrap();
        if reload {
            settings.probe_after = Duration::from_secs(45);
            settings.send_buffer = Some(30_000);
            kernel.configure(&settings);
            kernel.configure_listener(&listener);
        } else {
            kernel.add_listener(&listener, 0).unwrap();
        }
        let later = TcpStream::connect(address).unwrap();
        for peer in [earlier, later] {
            let (socket, address_of_peer) = accept(&mut kernel, &listener);
            assert_eq!(address_of_peer, peer.local_addr().ok());
            assert_options(&socket, &settings);
        }
        assert_eq!(kernel.accept(&listener).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        // From now on, accepting sets nothing.
        let _peer = TcpStream::connect(address).unwrap();
        await_newcomer(&listener);
        let (socket, _) = acceptfrom_with(&listener.socket, SocketFlags::empty()).unwrap();
        assert_options(&socket.into(), &settings);
        assert!(!listener.has_earlier.get(), "the options are set for each newcomer");
    }
}

#[test]
fn two_segments_fit_into_the_send_buffer_whatever_its_size() {
    for (send_buffer, longest) in
        [(1, 1_460), (4 * 1024, 4 * 1024), (16 * 1024, 16 * 1024), (1 << 30, 32_767)]
    {
        let settings = Settings { send_buffer: Some(send_buffer), ..Settings::default() };
        let mut kernel = Kernel::new(&settings).unwrap();
        let (listener, address) = listener();
        kernel.add_listener(&listener, 0).unwrap();
        let _peer = TcpStream::connect(address).unwrap();
        let (socket, _) = accept(&mut kernel, &listener);
        // TCP's own options take up to 40 bytes of one.
        let segment = socket.tcp_mss().unwrap();
        assert!((longest - 40..=longest).contains(&segment), "{segment} with {send_buffer}");
    }
}

#[test]
fn a_size_that_is_taken_back_leaves_newcomers_as_much_as_the_kernel_allows() {
    let mut settings = Settings { send_buffer: Some(5_000), ..Settings::default() };
    let mut kernel = Kernel::new(&settings).unwrap();
    let (listener, address) = listener();
    kernel.add_listener(&listener, 0).unwrap();
    settings.send_buffer = None;
    kernel.configure(&settings);
    kernel.configure_listener(&listener);
    assert_eq!(kernel.accept(&listener).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let _peer = TcpStream::connect(address).unwrap();
    let (socket, _) = accept(&mut kernel, &listener);
    assert!(socket.send_buffer_size().unwrap() > 100_000);
    assert!(socket.tcp_mss().unwrap() > 20_000, "that of a connection on one machine");
}

#[test]
fn a_listener_without_a_newcomer_would_block() {
    let error = kernel().accept(&listener().0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_look_at_a_listener_finds_who_waits_and_the_poll_shows_who_comes_behind_it() {
    let mut kernel = kernel();
    let (listener, address) = listener();
    kernel.add_listener(&listener, 0).unwrap();
    for _ in 0..2 {
        assert!(!kernel.has_newcomer(&listener));
        assert!(!listener.has_earlier.get(), "whoever comes behind the look inherits the options");
        let _peer = TcpStream::connect(address).unwrap();
        assert!(matches!(events(&mut kernel)[..], [Event { target: Target::Listener(0), .. }]));
        assert!(kernel.has_newcomer(&listener));
        accept(&mut kernel, &listener);
        assert_eq!(events_now(&mut kernel).len(), 0);
    }
}

/// What the kernel does about a silent peer: the first probe, the time between two, how many, and the end of patience.
fn keepalive(socket: &Socket) -> (Duration, Duration, u32, Duration) {
    assert!(socket.keepalive().unwrap());
    (
        socket.tcp_keepalive_time().unwrap(),
        socket.tcp_keepalive_interval().unwrap(),
        socket.tcp_keepalive_retries().unwrap(),
        socket.tcp_user_timeout().unwrap().unwrap(),
    )
}

#[test]
fn sockets_ask_silent_peers_for_a_sign_of_life_as_the_settings_say() {
    let seconds = Duration::from_secs;
    let mut settings = Settings {
        probe_after: seconds(40),
        probe_timeout: seconds(12),
        write_timeout: seconds(5),
        ..Settings::default()
    };
    let mut kernel = Kernel::new(&settings).unwrap();
    let (socket, _peer) = connected(&mut kernel);
    assert_eq!(keepalive(&socket), (seconds(40), seconds(4), 3, seconds(52)));

    (settings.probe_after, settings.write_timeout) = (seconds(20), seconds(90));
    kernel.configure(&settings);
    let (listener, address) = listener();
    kernel.configure_listener(&listener);
    let _peer = TcpStream::connect(address).unwrap();
    let (socket, _) = accept(&mut kernel, &listener);
    assert_eq!(keepalive(&socket), (seconds(20), seconds(4), 3, seconds(90)));
    kernel.probe(&socket);
    assert_eq!(keepalive(&socket), (seconds(2), seconds(2), 3, seconds(90)));

    settings.probe_after = seconds(30);
    kernel.configure(&settings);
    let exported = kernel_export(&mut kernel, socket);
    let (socket, _) = kernel.adopt(exported, None).unwrap();
    kernel.configure_adopted(&socket);
    assert_eq!(keepalive(&socket), (seconds(30), seconds(4), 3, seconds(90)));
    assert_eq!(kernel.local(&socket), Some(address));
}

/// Exports a socket that is watched.
fn kernel_export(kernel: &mut Kernel, socket: Socket) -> OwnedFd {
    kernel.add(&socket, FIRST, false).unwrap();
    kernel.export(socket).unwrap()
}

#[test]
fn an_exported_connection_is_adopted_by_another_process_while_the_poll_of_the_first_still_watches_it() {
    let (mut old, mut new) = (kernel(), kernel());
    let (socket, mut peer) = connected(&mut old);
    events_now(&mut old);
    let exported = kernel_export(&mut old, socket);
    // The description is shared with the other process, which may have set it to block.
    SockRef::from(&exported).set_nonblocking(false).unwrap();
    peer.write_all(b"x").unwrap();
    let (socket, address_of_peer) = new.adopt(exported, None).unwrap();
    assert!(socket.nonblocking().unwrap());
    assert_eq!((address_of_peer, new.local(&socket)), (peer.local_addr().ok(), peer.peer_addr().ok()));
    let known = SocketAddr::from(([192, 0, 2, 7], 7));
    let copy = socket.try_clone().unwrap();
    assert_eq!(new.adopt(copy.into(), Some(known)).unwrap().1, Some(known), "the kernel is not asked");
    new.add(&socket, FIRST, false).unwrap();
    assert_eq!(flags(&mut new, FIRST), (true, false, false, false));
    assert_eq!(flags(&mut old, FIRST), (true, false, false, false));
    drop(old);
    peer.write_all(b"y").unwrap();
    assert_eq!(flags(&mut new, FIRST), (true, false, false, false));
}

#[test]
fn bytes_are_counted_each_way() {
    let mut kernel = kernel();
    let (socket, mut peer) = adopted(&mut kernel);
    let slices = [IoSlice::new(b"one"), IoSlice::new(b"two")];
    assert_eq!(kernel.write(&socket, &slices[..1], true).unwrap(), 3);
    assert_eq!(kernel.write(&socket, &slices, false).unwrap(), 6);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"a file").unwrap();
    assert_eq!(kernel.send_file(&socket, &file, 2, 3).unwrap(), 3);
    let mut got = [0; 12];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"oneonetwofil");
    assert_eq!(kernel.traffic(), Traffic { read: 0, written: 12 });
    peer.write_all(b"answer").unwrap();
    let mut buffer = [0; 4];
    assert_eq!(kernel.read(&socket, &mut buffer).unwrap(), 4);
    assert_eq!(kernel.read(&socket, &mut buffer).unwrap(), 2);
    assert_eq!(kernel.traffic(), Traffic { read: 6, written: 12 });
    assert_eq!(&buffer, b"ersw");
}

#[test]
fn a_part_of_a_file_is_sent_from_its_place_and_behind_its_end_nothing() {
    let mut kernel = kernel();
    let (socket, mut peer) = adopted(&mut kernel);
    let mut file = tempfile::tempfile().unwrap();
    let long: Vec<u8> = (0..=250).cycle().take(TURN_BUDGET + 10).collect();
    file.write_all(&long).unwrap();
    let mut sent = 0;
    for (offset, len, most) in
        [(5, 10, 10), (TURN_BUDGET as u64, 100, 10), (0, TURN_BUDGET + 10, TURN_BUDGET)]
    {
        let part = kernel.send_file(&socket, &file, offset, len).unwrap();
        assert_eq!(part, most, "from {offset}");
        let mut got = vec![0; part];
        peer.read_exact(&mut got).unwrap();
        let start = usize::try_from(offset).unwrap();
        assert_eq!(got, long[start..start + part]);
        sent += part as u64;
    }
    assert_eq!(kernel.send_file(&socket, &file, long.len() as u64, 1).unwrap(), 0);
    assert_eq!(kernel.traffic().written, sent);
}

#[test]
fn the_end_of_our_side_leaves_the_other_one_open() {
    let mut kernel = kernel();
    let (socket, mut peer) = adopted(&mut kernel);
    kernel.shutdown_write(&socket).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    peer.write_all(b"x").unwrap();
    assert_eq!(kernel.read(&socket, &mut [0]).unwrap(), 1);
}

#[test]
fn the_spare_descriptors_are_as_many_again_when_a_connection_ends() {
    let mut kernel = Kernel::new(&Settings { keeps_spares: true, ..Settings::default() }).unwrap();
    let spares = |kernel: &Kernel| kernel.spares.as_ref().map_or(0, |spares| spares.copies.len());
    assert_eq!(spares(&kernel), SPARES);
    for left in [SPARES, SPARES - 1, 0] {
        kernel.spares.as_mut().unwrap().copies.truncate(left);
        let (socket, mut peer) = adopted(&mut kernel);
        kernel.close(socket, false);
        assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the connection is closed");
        assert_eq!(spares(&kernel), (left + 1).min(SPARES));
    }
    kernel.spares.as_mut().unwrap().refill();
    assert_eq!(spares(&kernel), SPARES);
}

#[test]
fn a_copy_reaches_its_client_where_no_pages_can_be_sent() {
    let mut kernel = kernel();
    let (socket, mut peer) = connected(&mut kernel);
    // sendfile(2): "EINVAL out_fd has the O_APPEND flag set. This is not currently supported by sendfile()."
    rustix::fs::fcntl_setfl(&socket, rustix::fs::OFlags::APPEND | rustix::fs::OFlags::NONBLOCK).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"0123456789").unwrap();
    let pages = crate::PageStore::new().unwrap().copy(&file, 10).unwrap();
    assert_eq!(kernel.send_pages(&socket, &pages, 2, 3).unwrap(), 3);
    assert_eq!(kernel.send_pages(&socket, &pages, 5, 100).unwrap(), 5);
    assert_eq!(kernel.send_pages(&socket, &pages, 10, 1).unwrap(), 0, "the end");
    assert_eq!(kernel.traffic().written, 8);
    let mut got = [0; 8];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"23456789");
}

#[test]
fn the_kernel_counts_keepalive_in_whole_seconds() {
    for (millis, seconds) in
        [(0, 1), (1, 1), (1000, 1), (1001, 2), (32_767_000, 32_767), (90_000_000, 32_767)]
    {
        assert_eq!(whole_seconds(Duration::from_millis(millis)), Duration::from_secs(seconds));
    }
}

#[test]
fn little_more_waits_in_the_kernel_than_the_peer_has_room_for() {
    let mut kernel = kernel();
    let (mut socket, _peer) = connected(&mut kernel);
    let mut waiting = 0;
    while let Ok(taken) = socket.write(&[0; 16 * 1024]) {
        waiting += taken;
    }
    assert!(waiting < 1024 * 1024, "{waiting}");
}

#[test]
fn the_kernel_keeps_no_more_for_a_client_than_the_settings_say() {
    let mut kernel = Kernel::new(&Settings { send_buffer: Some(20_000), ..Settings::default() }).unwrap();
    // "The kernel doubles this value (to allow space for bookkeeping overhead)": socket(7).
    assert_eq!(connected(&mut kernel).0.send_buffer_size().unwrap(), 40_000);
}

#[test]
fn a_pause_lasts_as_long_as_it_is_asked_to() {
    let mut kernel = kernel();
    let begun = kernel.now();
    kernel.pause(Duration::from_millis(30));
    assert!(kernel.now() - begun >= Duration::from_millis(30));
}

#[test]
fn a_close_by_reset_reaches_the_peer_as_one() {
    let mut kernel = kernel();
    let (socket, mut peer) = connected(&mut kernel);
    kernel.close(socket, true);
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn any_other_close_reaches_the_peer_as_an_end() {
    let mut kernel = kernel();
    let (socket, mut peer) = connected(&mut kernel);
    kernel.close(socket, false);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}
