//! Plays systemd's part: the holder has the listening socket, keeps what the daemon stores, and starts the next process
//! with both.

use std::{
    fs::File,
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{fs::FileExt, net::UnixDatagram},
    },
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
    process::Signal,
};

use crate::client::Client;
use crate::daemon::{Daemon, command};
use crate::inherit::inherit;
use crate::wait::PATIENCE;

/// The longest time between two of the daemon's `WATCHDOG=1`.
const WATCHDOG: Duration = Duration::from_millis(600);

/// A service manager for one daemon: owns its listening socket, its notifications and its stored descriptors.
#[derive(Debug)]
pub struct Holder {
    binary: PathBuf,
    listener: TcpListener,
    notify: UnixDatagram,
    folder: tempfile::TempDir,
    /// The arguments that the next process will get.
    pub args: Vec<String>,
    /// Other sockets that the next process will inherit, by their names.
    pub sockets: Vec<(&'static str, OwnedFd)>,
    /// The descriptors that the daemon has stored (`FDSTORE=1`).
    pub kept: Vec<OwnedFd>,
    daemon: Option<Daemon>,
    /// What the processes that have ended had logged, but for lines that were read before.
    pub log: String,
    /// Everything that the daemon notified, one assignment each.
    pub notifications: Vec<String>,
}

impl Holder {
    /// Starts the daemon behind a listening socket, and waits until it is ready.
    pub fn start(binary: impl Into<PathBuf>, args: &[&str]) -> Self {
        Self::start_with(binary, args, Vec::new())
    }

    /// Starts the daemon with these sockets, too.
    pub fn start_with(
        binary: impl Into<PathBuf>,
        args: &[&str],
        sockets: Vec<(&'static str, OwnedFd)>,
    ) -> Self {
        let mut holder = Self::new(binary, args, sockets);
        holder.start_next();
        holder
    }

    /// A holder that has not started its daemon yet.
    pub fn new(binary: impl Into<PathBuf>, args: &[&str], sockets: Vec<(&'static str, OwnedFd)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notify = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let binary = binary.into();
        let (kept, log, notifications) = (Vec::new(), String::new(), Vec::new());
        Self { binary, listener, notify, folder, args, sockets, kept, daemon: None, log, notifications }
    }

    /// Where the listening socket listens, whichever process has it.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Connects to the listening socket, whichever process has it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A client that has sent this request, whose lines end with LF here.
    pub fn request(&self, request: &str) -> Client {
        Client::request(self.address(), request)
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("a process serves")
    }

    /// Sends a signal to the process that serves now.
    pub fn signal(&self, signal: Signal) {
        self.daemon().signal(signal);
    }

    /// Starts a process with the listening socket and all that is kept, and waits until it is ready.
    pub fn start_next(&mut self) {
        self.spawn();
        self.wait_for("READY=1");
    }

    /// The same, and sends it a signal as soon as it notifies this line; it may not be ready then.
    pub fn start_next_with(&mut self, line: &str, signal: Signal) {
        self.spawn();
        self.wait_for(line);
        self.signal(signal);
    }

    /// Starts a process that cannot serve; its status, and its log.
    pub fn start_in_vain(&mut self) -> (ExitStatus, String) {
        self.spawn();
        self.wait()
    }

    fn spawn(&mut self) {
        // The process before may have left a `READY=1` that nobody waited for.
        self.receive_rest();
        let mut command = command(&self.binary, &[]);
        command
            .args(&self.args)
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        let mut sockets = vec![("stream", self.listener.try_clone().expect("a duplicate").into())];
        let duplicate = |socket: &OwnedFd| socket.try_clone().expect("a duplicate");
        sockets.extend(self.sockets.iter().map(|(name, socket)| (*name, duplicate(socket))));
        sockets.extend(self.kept.iter().map(|kept| ("hand-over", duplicate(kept))));
        inherit(&mut command, sockets);
        self.daemon = Some(Daemon::spawn(command));
    }

    /// Receives notifications until one of them has this line.
    pub fn wait_for(&mut self, line: &str) {
        let from = self.notifications.len();
        let started = Instant::now();
        while !self.notifications[from..].iter().any(|sent| sent == line) {
            assert!(started.elapsed() < PATIENCE, "no {line}: {:?}", self.notifications);
            assert!(self.receive(RecvFlags::empty()), "no {line}: {:?}", self.notifications);
        }
    }

    /// True if the daemon sends no notification for the time of the watchdog, but for one that was on its way.
    pub fn is_silent(&mut self) -> bool {
        let text = &mut [0; 4096];
        self.receive_rest();
        self.notify.set_read_timeout(Some(WATCHDOG)).unwrap();
        // At most one was on its way.
        let silent = self.notify.recv(text).is_err() || self.notify.recv(text).is_err();
        self.notify.set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }

    /// Receives what has come by now.
    fn receive_rest(&mut self) {
        while self.receive(RecvFlags::DONTWAIT) {}
    }

    /// Receives one notification and does with it what systemd would; false if there is none, after [`PATIENCE`] or at once, as the flags
    /// say.
    fn receive(&mut self, flags: RecvFlags) -> bool {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut text = [0; 4096];
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        let message = match recvmsg(&self.notify, &mut [IoSliceMut::new(&mut text)], &mut control, flags) {
            Err(Errno::AGAIN) => return false,
            // As a read with a timeout does in a process that was stopped for a moment.
            Err(Errno::INTR) => return true,
            message => message.unwrap(),
        };
        let descriptors: Vec<OwnedFd> = control
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors.collect::<Vec<_>>()),
                _ => None,
            })
            .flatten()
            .collect();
        let text = std::str::from_utf8(&text[..message.bytes]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        if lines.contains(&"FDSTORE=1") {
            assert!(lines.contains(&"FDPOLL=0") && lines.contains(&"FDNAME=hand-over"), "{lines:?}");
            self.kept.extend(descriptors);
        } else if lines.contains(&"FDSTOREREMOVE=1") {
            self.kept.clear();
        }
        // A barrier's descriptor is closed here: everything before it is done.
        self.notifications.extend(lines.into_iter().map(str::to_owned));
        true
    }

    /// Sends a signal and waits for the end of the process, as systemd does; its status, and its log.
    pub fn end(&mut self, signal: Signal) -> (ExitStatus, String) {
        self.signal(signal);
        if signal == Signal::USR2 && self.hands_over() {
            self.wait_for("BARRIER=1");
        }
        self.wait()
    }

    fn hands_over(&self) -> bool {
        self.args.windows(2).any(|pair| pair == ["--hand-over", "on"])
    }

    /// Waits for the end of the process; its status, and its log.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let (status, log) = self.daemon.take().expect("a process serves").wait();
        self.log.push_str(&log);
        (status, log)
    }

    /// Writes another format into what is kept, as if another version had written it.
    pub fn change_format(&mut self, format: u64) {
        let mut packs: Vec<UnixDatagram> = self.kept.drain(..).map(UnixDatagram::from).collect();
        let first = &packs[0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(first, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        let manifest = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let manifest = File::from(manifest.unwrap());
        // The format stands behind the 20 bytes that every manifest begins with.
        manifest.write_all_at(&format.to_le_bytes(), 20).unwrap();
        // The manifest goes first again, in a socket of its own.
        let (sender, kept) = UnixDatagram::pair().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [manifest.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&sender, &[IoSlice::new(b"+")], &mut control, SendFlags::empty()).unwrap();
        packs.insert(0, kept);
        self.kept = packs.into_iter().map(OwnedFd::from).collect();
    }

    /// `systemctl restart`: the pid of the next process is another one.
    pub fn restart(&mut self) {
        let before = self.daemon().pid();
        let (status, log) = self.end(Signal::USR2);
        assert!(status.success(), "{log}");
        self.start_next();
        assert_ne!(self.daemon().pid(), before);
    }
}
