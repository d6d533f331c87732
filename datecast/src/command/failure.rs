//! Why a command cannot be started: the reason with its cure, and the code that a shell would end with.

use std::{ffi::OsStr, io, path::Path};

use rustix::io::Errno;

use super::ended::Ended;

/// As of a shell: there is no such command.
const NOT_FOUND: u8 = 127;
/// As of a shell: it is there, but cannot be run.
const CANNOT_RUN: u8 = 126;

/// Why the system has no terminal or pipe for the command.
pub(super) fn no_terminal(error: &io::Error, on_terminal: bool) -> Ended {
    let why = if on_terminal {
        format!("the system has no pseudo terminal for it ({error}); --no-pty does without")
    } else {
        error.to_string()
    };
    Ended::NotStarted { why, code: CANNOT_RUN }
}

/// Why the system has no thread for the command.
pub(super) fn no_thread(error: &io::Error) -> Ended {
    Ended::NotStarted { why: error.to_string(), code: CANNOT_RUN }
}

/// Why the system did not start this program.
pub(super) fn not_started(program: &OsStr, error: &io::Error) -> Ended {
    let shown = program.to_string_lossy();
    let path = Path::new(program);
    // Only a name with a slash is a path: all others are looked up in PATH.
    let is_path = shown.contains('/');
    let errno = match Errno::from_io_error(error) {
        // execvp(3) says so if one folder of PATH, which may not be searched, refuses the name and all others lack it.
        Some(Errno::ACCESS) if !is_path => Some(Errno::NOENT),
        errno => errno,
    };
    let (code, why) = match errno {
        Some(Errno::NOENT) if is_path && path.is_file() => {
            (NOT_FOUND, "the interpreter that its first line names (#!…) is not there".to_owned())
        }
        Some(Errno::NOENT | Errno::NOTDIR) if shown.contains(' ') => (
            NOT_FOUND,
            format!(
                "there is no program of this name; leave out the quotes, or let a shell read it: \
                 -- sh -c '{shown}'"
            ),
        ),
        Some(Errno::NOENT | Errno::NOTDIR) if is_path => (NOT_FOUND, "there is no such file".to_owned()),
        Some(Errno::NOENT) => (
            NOT_FOUND,
            format!("no folder of PATH has it; what only a shell knows needs one: -- sh -c '{shown} …'"),
        ),
        _ if is_path && path.is_dir() => (CANNOT_RUN, "it is a directory".to_owned()),
        Some(Errno::ACCESS) => (CANNOT_RUN, format!("no permission to run it; chmod +x, or -- sh {shown}")),
        Some(Errno::NOEXEC) => (
            CANNOT_RUN,
            format!(
                "it is no program of this machine; a script begins with a line such as #!/bin/sh, \
                 or say -- sh {shown}"
            ),
        ),
        _ => (CANNOT_RUN, error.to_string()),
    };
    Ended::NotStarted { why, code }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_reason_has_its_cure_and_its_code() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        fs::write(&script, "#!/nowhere/sh\n").unwrap();
        let (script, folder) = (script.to_str().unwrap(), folder.path().to_str().unwrap());
        for (program, errno, code, words) in [
            ("nosuch", Errno::NOENT, 127, "no folder of PATH has it"),
            ("nosuch", Errno::ACCESS, 127, "no folder of PATH has it"),
            ("./nosuch", Errno::NOENT, 127, "no such file"),
            ("vmstat 1", Errno::NOENT, 127, "leave out the quotes"),
            ("vmstat 1", Errno::ACCESS, 127, "leave out the quotes"),
            (script, Errno::NOENT, 127, "interpreter"),
            ("/etc/passwd/x", Errno::NOTDIR, 127, "no such file"),
            (folder, Errno::ACCESS, 126, "directory"),
            (script, Errno::ACCESS, 126, "chmod +x"),
            (script, Errno::NOEXEC, 126, "#!/bin/sh"),
            (script, Errno::TOOBIG, 126, "Argument list too long"),
        ] {
            let Ended::NotStarted { why, code: is } = not_started(OsStr::new(program), &errno.into()) else {
                panic!("{program}: it did start");
            };
            assert!(is == code && why.contains(words), "{program} {errno}: {is} {why}");
        }
    }
}
