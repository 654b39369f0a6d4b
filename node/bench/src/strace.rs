//! Counting system calls by strace: the one count that the counted program cannot get wrong.
//!
//! With `--seccomp-bpf` only the calls asked for are stopped at; all others run at full speed. With
//! `-D` the traced program stays our own child.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{ffi::OsStr, fs};

use crate::clock;
use crate::error::{Error, Result, io};

/// How long strace may take to write its last line after the program's end.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// Calls that were counted, with the time at which each began.
#[derive(Debug)]
pub struct Trace {
    path: PathBuf,
}

impl Trace {
    /// Whether there is a strace on this machine.
    pub fn is_possible() -> bool {
        let version = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// A command that runs `program` with its calls of `calls` written to `path`.
    pub fn command(program: &Path, calls: &str, path: PathBuf) -> (Command, Self) {
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-q", "--seccomp-bpf", "-ttt", "-e"]);
        command.arg(format!("trace={calls}")).arg("-o").arg(&path).arg(OsStr::new(program));
        (command, Self { path })
    }

    /// How many calls began between two times since the epoch. To be asked once the program has ended.
    ///
    /// # Errors
    /// If strace wrote nothing that can be read.
    pub fn count(&self, from: Duration, until: Duration) -> Result<u64> {
        let ended = || fs::read_to_string(&self.path).is_ok_and(|text| text.contains("+++ "));
        if !clock::poll(FLUSH_LIMIT, ended) {
            let seconds = FLUSH_LIMIT.as_secs();
            return Err(Error::TooLong { what: "the end of strace", seconds });
        }
        let text =
            fs::read_to_string(&self.path).map_err(io(format!("read {}", self.path.display())))?;
        Ok(count(&text, from, until))
    }
}

/// Lines are `<thread> <seconds>.<micros> <call>(<arguments>) = <result>`; a call that another thread
/// interrupted has a second line, which says `resumed`.
fn count(text: &str, from: Duration, until: Duration) -> u64 {
    let began_in_time = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let time = fields.next().and_then(|time| time.parse().ok()).map(Duration::from_secs_f64);
        let is_call = fields.next().is_some_and(|call| call.contains('('));
        is_call && time.is_some_and(|time| (from..until).contains(&time))
    };
    text.lines().filter(began_in_time).count().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_counted_once_in_its_time() {
        let text = "7 100.000001 fdatasync(5)            = 0\n\
                    7 101.500000 fdatasync(5 <unfinished ...>\n\
                    8 101.600000 fsync(6)                = 0\n\
                    7 101.700000 <... fdatasync resumed>) = 0\n\
                    7 103.000000 fdatasync(5)            = 0\n\
                    7 103.100000 +++ exited with 0 +++\n";
        let seconds = Duration::from_secs;
        assert_eq!(count(text, seconds(101), seconds(102)), 2);
        assert_eq!(count(text, seconds(0), seconds(200)), 4);
    }
}
