use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;

use super::*;
use crate::files::Descent;

/// What the deeds are done to.
struct Scene {
    root: TempDir,
    outside: TempDir,
    tcp: TcpListener,
    abstract_name: String,
    _abstract_listener: UnixListener,
    stranger: Child,
}

impl Scene {
    fn new() -> Self {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for directory in [&root, &outside] {
            for name in ["file", "moved", "removed"] {
                fs::write(directory.path().join(name), name).unwrap();
            }
            fs::create_dir(directory.path().join("directory")).unwrap();
            fs::create_dir(directory.path().join("empty")).unwrap();
        }
        let abstract_name = root.path().to_str().unwrap().to_owned();
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        Self {
            root,
            outside,
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            abstract_name,
            _abstract_listener: UnixListener::bind_addr(&address).unwrap(),
            stranger: program().spawn().unwrap(),
        }
    }

    fn root(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.stranger.kill();
        let _ = self.stranger.wait();
    }
}

/// A program that runs everywhere, without a file being opened for its streams.
fn program() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--help").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The name of a deed, the version of Landlock that denies it first, and the deed.
type Deed = (&'static str, u8, fn(&Scene) -> io::Result<()>);

const DEEDS: [Deed; 22] = [
    ("create_outside", 1, |s| fs::write(s.outside("created"), "x")),
    ("make_directory_outside", 1, |s| fs::create_dir(s.outside("made"))),
    ("write_outside", 1, |s| OpenOptions::new().write(true).open(s.outside("file")).map(drop)),
    ("read_outside", 1, |s| File::open(s.outside("file")).map(drop)),
    ("list_outside", 1, |s| fs::read_dir(s.outside("directory")).map(drop)),
    ("remove_outside", 1, |s| fs::remove_file(s.outside("removed"))),
    ("read_inside", 1, |s| File::open(s.root("file")).map(drop)),
    ("remove_inside", 1, |s| fs::remove_file(s.root("removed"))),
    ("remove_directory_inside", 1, |s| fs::remove_dir(s.root("empty"))),
    ("symbolic_link_inside", 1, |s| symlink("file", s.root("symbolic"))),
    ("fifo_inside", 1, |s| Ok(mknodat(CWD, s.root("fifo"), FileType::Fifo, Mode::RWXU, 0)?)),
    ("socket_inside", 1, |s| UnixListener::bind(s.root("socket")).map(drop)),
    ("second_name_of_what_is_outside", 1, |s| fs::hard_link(s.outside("file"), s.root("second"))),
    ("second_name_in_another_directory", 1, |s| fs::hard_link(s.root("file"), s.root("directory/second"))),
    ("rename_out", 1, |s| fs::rename(s.root("moved"), s.outside("from_root"))),
    ("rename_in", 1, |s| fs::rename(s.outside("moved"), s.root("from_outside"))),
    ("rename_inside", 1, |s| fs::rename(s.root("file"), s.root("renamed"))),
    ("run_a_program", 1, |_| program().spawn()?.wait_with_output().map(drop)),
    ("bind_tcp", 4, |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("connect_tcp", 4, |s| TcpStream::connect(s.tcp.local_addr()?).map(drop)),
    ("connect_to_an_abstract_socket", 6, |s| {
        UnixStream::connect_addr(&SocketAddr::from_abstract_name(&s.abstract_name)?).map(drop)
    }),
    ("signal_another_process", 6, |s| Ok(test_kill_process(Pid::from_child(&s.stranger))?)),
];

/// Does those of the deeds that this kernel can deny, which must be denied.
fn assert_denied(scene: &Scene) {
    let Confinement::Landlock { abi } = level() else { return };
    for (what, _, deed) in DEEDS.iter().filter(|(_, since, _)| *since <= abi) {
        let error = deed(scene).expect_err(what);
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        assert!(matches!(errno, Some(Errno::ACCESS | Errno::PERM | Errno::XDEV)), "{what}: {error}");
    }
}

/// What threads can be denied here, asked by one that ends.
fn level() -> Confinement {
    thread::spawn(deny_all).join().unwrap()
}

fn assert_free(scene: &Scene) {
    for (what, _, deed) in DEEDS {
        deed(scene).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}

fn make_a_tree(root: &Directory) -> io::Result<()> {
    let mut descent = Descent::new(root);
    descent.create("bin", 0o755)?;
    descent.create("bin/deep", 0o755)?;
    descent.enter("bin/deep")?.create_file("go".as_ref(), 0o755)?.write_all(b"program")
}

fn say_if_skipped(level: Confinement) {
    if level == Confinement::None {
        io::stderr().write_all(b"skipped: this kernel has no Landlock\n").unwrap();
    }
}

#[test]
fn a_confined_thread_makes_files_and_directories_in_its_place_and_does_nothing_else() {
    let scene = Scene::new();
    let root = Directory::open(scene.root.path()).unwrap();
    let open_already = File::open(scene.outside("file")).unwrap();
    let ((to_free, started), (to_confined, done)) = (channel(), channel());
    let (scene, root) = (&scene, &root);
    // Each thread owns its ends, so that none waits for one that has failed.
    let level = thread::scope(|scope| {
        scope.spawn(move || {
            let () = started.recv().unwrap();
            assert_free(scene);
            to_confined.send(()).unwrap();
        });
        let (level, made) = creating_beneath(root, move || {
            let made = make_a_tree(root);
            assert_eq!(io::read_to_string(&open_already).unwrap(), "file");
            assert_denied(scene);
            thread::scope(|scope| scope.spawn(|| assert_denied(scene)).join().unwrap());
            // While this thread is still there, another does what it may not.
            to_free.send(()).unwrap();
            let () = done.recv().unwrap();
            made
        });
        made.unwrap();
        level
    });
    assert_eq!(fs::read(scene.root("bin/deep/go")).unwrap(), b"program");
    assert_eq!(level, self::level());
    say_if_skipped(level);
}

#[test]
fn a_thread_that_is_denied_all_makes_nothing_at_all() {
    let scene = Scene::new();
    let root = Directory::open(scene.root.path()).unwrap();
    thread::scope(|scope| {
        let denied = scope.spawn(|| {
            let level = deny_all();
            assert_denied(&scene);
            let made = make_a_tree(&root);
            assert_eq!(made.is_ok(), level == Confinement::None, "{made:?}");
            assert_eq!(scene.root("bin").exists(), level == Confinement::None);
            say_if_skipped(level);
        });
        denied.join().unwrap();
    });
    assert_free(&scene);
}

#[test]
fn a_level_has_a_word() {
    for (level, word) in [(Confinement::None, "none"), (Confinement::Landlock { abi: 7 }, "landlock-7")] {
        assert_eq!(level.to_string(), word);
    }
}
