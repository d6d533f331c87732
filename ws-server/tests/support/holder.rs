//! Plays systemd's part: it holds the listening socket, keeps what the daemon stores, and starts the next process with both.

use std::{
    fs::File,
    io::{BufReader, IoSlice, IoSliceMut, Read},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{fs::FileExt, net::UnixDatagram},
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use command_fds::{CommandFdExt, FdMapping};
use rustix::{
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg,
    },
    process::{Pid, Signal, kill_process},
};

use super::{Client, PATIENCE};

/// In which time the daemon has to say that all is well.
pub const WATCHDOG: Duration = Duration::from_millis(600);

/// A service manager for one daemon.
pub struct Holder {
    listener: TcpListener,
    notify: UnixDatagram,
    folder: tempfile::TempDir,
    args: Vec<String>,
    /// The fd store.
    pub kept: Vec<OwnedFd>,
    child: Option<Child>,
    /// Everything that the daemon said, one assignment a line.
    pub said: Vec<String>,
}

impl Holder {
    /// Starts the daemon behind a listening socket, and waits until it is ready.
    pub fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notify = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(PATIENCE)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let mut holder =
            Self { listener, notify, folder, args, kept: Vec::new(), child: None, said: Vec::new() };
        holder.start_next();
        holder
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    pub fn request(&self, request: &str) -> Client {
        Client::request(self.address(), request)
    }

    /// The process that serves now.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    /// Starts a process with the listening socket and all that is kept, and waits until it is ready.
    pub fn start_next(&mut self) {
        self.spawn();
        self.wait_for("READY=1");
    }

    /// Starts a process that cannot serve; its end, and its log.
    pub fn start_in_vain(&mut self) -> (ExitStatus, String) {
        self.spawn();
        self.wait()
    }

    fn spawn(&mut self) {
        let names = vec!["hand-over"; self.kept.len()];
        let mut mappings =
            vec![FdMapping { parent_fd: self.listener.try_clone().unwrap().into(), child_fd: 3 }];
        for (number, kept) in self.kept.iter().enumerate() {
            let child_fd = 4 + i32::try_from(number).unwrap();
            mappings.push(FdMapping { parent_fd: kept.try_clone().unwrap(), child_fd });
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_ws-server"));
        command
            .args(&self.args)
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
            .env("LISTEN_FDS", mappings.len().to_string())
            .env("LISTEN_FDNAMES", [vec!["stream"], names].concat().join(":"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .fd_mappings(mappings)
            .unwrap();
        self.child = Some(command.spawn().unwrap());
    }

    /// Takes notifications until one is this line.
    pub fn wait_for(&mut self, line: &str) {
        let from = self.said.len();
        let started = Instant::now();
        while !self.said[from..].iter().any(|said| said == line) {
            assert!(started.elapsed() < PATIENCE, "no {line}: {:?}", self.said);
            self.receive();
        }
    }

    /// True if nothing comes in the time of the watchdog, after what was on its way.
    pub fn is_silent(&mut self) -> bool {
        self.notify.set_read_timeout(Some(WATCHDOG)).unwrap();
        let text = &mut [0; 4096];
        // At most one was on its way.
        let silent = self.notify.recv(text).is_err() || self.notify.recv(text).is_err();
        self.notify.set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }

    /// One notification, as systemd takes it.
    fn receive(&mut self) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut text = [0; 4096];
        let message =
            recvmsg(&self.notify, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC);
        let message = message.unwrap();
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
        self.said.extend(lines.into_iter().map(str::to_owned));
    }

    /// Sends a signal and waits for the end of the process, as systemd does; its log, too.
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

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let mut child = self.child.take().unwrap();
        let mut log = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_to_string(&mut log).unwrap();
        (child.wait().unwrap(), log)
    }

    /// The arguments of the next process.
    pub fn args_mut(&mut self) -> &mut Vec<String> {
        &mut self.args
    }

    /// Writes another format into what is kept, as if another version had written it.
    pub fn change_format(&mut self, format: u64) {
        let mut packs: Vec<UnixDatagram> = self.kept.drain(..).map(UnixDatagram::from).collect();
        let first = &packs[0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(first, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        let envelope = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let envelope = File::from(envelope.unwrap());
        // The format stands behind the 20 bytes that every envelope begins with.
        envelope.write_all_at(&format.to_le_bytes(), 20).unwrap();
        // The envelope goes first again, in a socket of its own.
        let (sender, kept) = UnixDatagram::pair().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [envelope.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&sender, &[IoSlice::new(b"+")], &mut control, SendFlags::empty()).unwrap();
        packs.insert(0, kept);
        self.kept = packs.into_iter().map(OwnedFd::from).collect();
    }

    /// `systemctl restart`: the pid of the next process is another one.
    pub fn restart(&mut self) {
        let before = self.pid();
        let (status, log) = self.end(Signal::USR2);
        assert!(status.success(), "{log}");
        self.start_next();
        assert_ne!(self.pid(), before);
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }
}
