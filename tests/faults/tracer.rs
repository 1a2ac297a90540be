//! Runs the binary from system call to system call, all its threads counted as one.
//!
//! strace's `when=` counts for each thread by itself, so that what a pool of threads does can be met by no number; here
//! one count goes over all of them. What the loader and Rust's runtime do before `main` is not shown: it touches no
//! file of ours, and no program can answer for it.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use crate::support::binary::{Home, Run};

/// How long a run may take; only one that hangs takes that long.
const PATIENCE: Duration = Duration::from_secs(120);
/// `op` of `PTRACE_GET_SYSCALL_INFO` where a call begins and where it has ended (linux/ptrace.h).
const ENTRY: u8 = 1;
const EXIT: u8 = 2;
/// An exit value with which a system call was skipped.
const SKIPPED: u64 = u64::MAX;

/// A system call of one of the threads.
pub(crate) struct Call {
    thread: Pid,
    process: Pid,
    /// `SYS_openat` and its like.
    pub(crate) number: c_long,
    first_argument: u64,
    result: u64,
}

impl Call {
    /// What the first argument stands for, if it is an open file: a path, or a word with a colon for what has none.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.open_file(self.first_argument)
    }

    /// What a call has opened, after it.
    pub(crate) fn result_file(&self) -> Option<PathBuf> {
        self.open_file(self.result)
    }

    /// Descriptors are 32 bits wide, whatever is above them.
    fn open_file(&self, descriptor: u64) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{}/fd/{}", self.thread, descriptor as u32)).ok()
    }

    /// The paths under which the process's open files can be reached, and what each of them is.
    pub(crate) fn open_files(&self) -> Vec<(PathBuf, PathBuf)> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.process)).unwrap();
        open.filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter_map(|path| fs::read_link(&path).ok().map(|file| (path, file)))
            .collect()
    }
}

/// When a call is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before it does anything.
    Entry,
    /// After it has done what it does.
    Exit,
}

/// What becomes of a run at a call.
pub(crate) enum Action {
    Go,
    /// The call does nothing and returns this; at its entry alone.
    Fail(Errno),
    /// SIGKILL.
    Kill,
}

/// Runs `command`, which is to be one of this home's, and shows each of its calls to `decide`, twice.
#[expect(clippy::zombie_processes, reason = "whoever traces a process waits for it, and for its threads")]
pub(crate) fn trace(home: &Home, command: &Command, mut decide: impl FnMut(Moment, &Call) -> Action) -> Run {
    // A stopped shell is there to be seized before the program runs.
    let mut stopped = Command::new("sh");
    stopped.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    let mut child = home.surround(stopped).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let first = waitpid(process, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert_eq!(first, WaitStatus::Stopped(process, Signal::SIGSTOP));
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(process, options).unwrap();
    let watchdog = Watchdog::new(process);
    kill(process, Signal::SIGCONT).unwrap();

    let mut own = false;
    let mut failing: HashMap<Pid, Errno> = HashMap::new();
    let code = loop {
        let mut signal = None;
        // `__WNOTHREAD`, since other threads trace runs of their own.
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).unwrap();
        match status {
            WaitStatus::Exited(thread, code) if thread == process => break Some(code),
            WaitStatus::Signaled(thread, ..) if thread == process => break None,
            WaitStatus::PtraceSyscall(thread) => {
                // A thread may have been killed while it was stopped.
                let _ = stop(thread, process, &mut own, &mut failing, &mut decide);
            }
            WaitStatus::Stopped(_, sent) => signal = Some(sent),
            _ => {}
        }
        if let Some(thread) = status.pid() {
            let _ = ptrace::syscall(thread, signal);
        }
    };
    assert!(!watchdog.has_bitten(), "the run hangs");
    let mut text = [String::new(), String::new()];
    child.stdout.take().unwrap().read_to_string(&mut text[0]).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut text[1]).unwrap();
    let [stdout, stderr] = text;
    Run { code, stdout, stderr }
}

fn stop(
    thread: Pid,
    process: Pid,
    own: &mut bool,
    failing: &mut HashMap<Pid, Errno>,
    decide: &mut impl FnMut(Moment, &Call) -> Action,
) -> nix::Result<()> {
    let moment = match ptrace::syscall_info(thread)?.op {
        ENTRY => Moment::Entry,
        EXIT => Moment::Exit,
        _ => return Ok(()),
    };
    let mut registers = ptrace::getregs(thread)?;
    if let Some(errno) = failing.remove(&thread) {
        registers.rax = (-(errno as i64)) as u64;
        ptrace::setregs(thread, registers)?;
    }
    // Rust's runtime makes this call last before `main`, and the loader never does.
    *own |= registers.orig_rax == libc::SYS_sigaltstack as u64;
    if !*own {
        return Ok(());
    }
    let number = registers.orig_rax as c_long;
    match decide(moment, &Call { thread, process, number, first_argument: registers.rdi, result: registers.rax }) {
        Action::Go => {}
        Action::Fail(errno) => {
            assert!(moment == Moment::Entry, "a call that is done cannot fail");
            registers.orig_rax = SKIPPED;
            ptrace::setregs(thread, registers)?;
            failing.insert(thread, errno);
        }
        Action::Kill => kill(process, Signal::SIGKILL)?,
    }
    Ok(())
}

/// Kills a run that hangs.
struct Watchdog {
    done: mpsc::Sender<()>,
    thread: Option<thread::JoinHandle<bool>>,
}

impl Watchdog {
    fn new(process: Pid) -> Self {
        // No number that could be another process's by then.
        let process =
            pidfd_open(rustix::process::Pid::from_raw(process.as_raw()).unwrap(), PidfdFlags::empty()).unwrap();
        let (done, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let late = told.recv_timeout(PATIENCE).is_err_and(|e| e == mpsc::RecvTimeoutError::Timeout);
            late && pidfd_send_signal(process, rustix::process::Signal::KILL).is_ok()
        });
        Self { done, thread: Some(thread) }
    }

    fn has_bitten(mut self) -> bool {
        let _ = self.done.send(());
        self.thread.take().unwrap().join().unwrap()
    }
}
