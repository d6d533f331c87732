"""Which system calls may fail, and how: the errors that their manual pages name, or that Linux gives though they do not.

Left out are `EAGAIN` of a socket, which the kernel never says while it has something (a poll that reports edges would wait for a
change that never comes), `close`, which closes whatever it says, and the calls of the memory allocator: no program of ours goes on
without memory."""

SHORTAGE = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]
NETWORK = ["ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETDOWN", "EPIPE"]
DISK = ["EIO", "ESTALE", "ETIMEDOUT", "EINTR"]
SEND = ["EINTR", "ENOBUFS", "ENOMEM", "EPERM", *NETWORK]
OPEN = ["ENOENT", "EACCES", "EPERM", "ELOOP", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EXDEV", *DISK]

# While it runs: the errors of each call, the most telling ones first; the short form takes the first three.
RUNNING = {
    "accept4": ["EMFILE", "ECONNABORTED", "ENOMEM", "EINTR", "ENFILE", "ENOBUFS", "EPERM", "EPROTO", "ENETDOWN", "EHOSTUNREACH", "EOPNOTSUPP"],
    "recvfrom": ["ECONNRESET", "EINTR", "ENOMEM", "ETIMEDOUT", "EHOSTUNREACH", "EIO"],
    "sendto": ["EPIPE", "EINTR", "ENOBUFS", "ECONNRESET", "ENOMEM", "ETIMEDOUT", "EHOSTUNREACH", "EPERM", "ENETDOWN"],
    "sendmsg": SEND,
    "writev": ["EPIPE", "EINTR", "ENOBUFS", "ECONNRESET", "ENOMEM"],
    "write": ["EPIPE", "EINTR", "EIO", "ENOSPC"],
    # Standard input that cannot be read (EIO) ends ws-server with 66: no line would ever come.
    "read": ["EINTR", "ENOMEM"],
    "poll": ["EINTR", "ENOMEM"],
    "ppoll": ["EINTR", "ENOMEM"],
    "epoll_wait": ["EINTR", "ENOMEM", "EINVAL"],
    "epoll_ctl": ["ENOMEM", "ENOSPC", "EPERM"],
    "setsockopt": ["ENOPROTOOPT", "ENOMEM", "EINVAL"],
    "getsockname": ["ENOBUFS", "ENOTCONN"],
    "getsockopt": ["ENOBUFS", "ENOPROTOOPT"],
    "shutdown": ["ENOTCONN", "ENOBUFS"],
    "openat2": OPEN,
    "open": ["EMFILE", "ENOENT", "EACCES", "EIO", "EINTR", "ENOMEM"],
    "statx": ["EIO", "ENOMEM", "EACCES"],
    "newfstatat": ["EIO", "EINTR", "ENOMEM", "EACCES"],
    "fstat": ["EIO", "ENOMEM"],
    "pread64": ["EIO", "EINTR", "ESTALE"],
    "fcntl": ["EMFILE"],
    "dup3": ["EBUSY", "EMFILE"],
}

# At the start: a daemon starts all the same, or says why not and ends with a code of its table.
STARTING = {
    "socket": ["EMFILE", "EAFNOSUPPORT", "EACCES", "ENOBUFS"],
    "bind": ["EADDRINUSE", "EACCES", "EADDRNOTAVAIL"],
    "listen": ["EADDRINUSE", "ENOBUFS"],
    "setsockopt": ["ENOPROTOOPT", "ENOMEM"],
    "epoll_create1": ["EMFILE", "ENOMEM"],
    "epoll_ctl": ["ENOMEM", "ENOSPC"],
    "eventfd2": ["EMFILE", "ENOMEM"],
    "clone3": ["EAGAIN", "ENOMEM"],
    "prlimit64": ["EPERM", "EINVAL"],
    "pipe2": ["EMFILE", "ENFILE"],
    "socketpair": ["EMFILE", "ENOMEM"],
    "rt_sigprocmask": ["EINVAL"],
    "fcntl": ["EMFILE", "EINVAL"],
    "getrandom": ["EINTR", "ENOSYS"],
    "openat2": ["ENOSYS", "EPERM", "EMFILE"],
}
