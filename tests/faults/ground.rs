//! A mirror with two small releases, one destination, and what must hold there after anything that happens.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::support::binary::{Home, Run, assert_installed, snapshot};
use crate::support::depot::Depot;
use crate::support::figures::count;
use crate::support::sdk::Sdk;
use crate::support::started::names;

/// Which of the two releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    First,
    Second,
}

impl Which {
    pub(crate) fn other(self) -> Self {
        if self == Self::First { Self::Second } else { Self::First }
    }

    fn version(self) -> &'static str {
        if self == Self::First { "1.22.5" } else { "1.22.6" }
    }
}

pub(crate) struct Ground {
    pub(crate) depot: Depot,
    pub(crate) mirror: String,
    sdks: [Sdk; 2],
}

impl Ground {
    /// In memory where the system has such a place: a sweep would wait for the disk most of the time.
    pub(crate) fn new() -> Self {
        Self::of(|sdk| sdk)
    }

    /// With something more in both releases.
    pub(crate) fn of(edit: impl Fn(Sdk) -> Sdk) -> Self {
        let sdks = [Which::First, Which::Second]
            .map(|which| edit(Sdk::minimal(&format!("go{}", which.version()), "linux/amd64")));
        let depot = Depot::in_home(Home::in_memory(), &sdks);
        Self { mirror: depot.write(), depot, sdks }
    }

    pub(crate) fn sdk(&self, which: Which) -> &Sdk {
        &self.sdks[usize::from(which == Which::Second)]
    }

    /// The file of the mirror that holds this release.
    pub(crate) fn archive(&self, which: Which) -> std::path::PathBuf {
        Path::new(&self.mirror).join(self.sdk(which).name().to_string())
    }

    /// The call that puts a release where both are wanted.
    pub(crate) fn command(&self, which: Which, further: &[&str]) -> Command {
        let to = self.depot.destination();
        let fixed = [which.version(), "linux/amd64", "--json", "--to", to.to_str().unwrap()];
        self.depot.command(&self.mirror, &[&fixed[..], further].concat())
    }

    pub(crate) fn run(&self, which: Which, further: &[&str]) -> Run {
        Run::of(self.command(which, further).output().unwrap())
    }

    /// What is at the destination, which is complete if it is there at all.
    #[track_caller]
    pub(crate) fn installed(&self) -> Option<Which> {
        let at = self.depot.destination();
        fs::symlink_metadata(&at).ok()?;
        Some(self.whole(&at))
    }

    /// Which release's tree this is, all of it; counts the trees that are not whole before it fails.
    #[track_caller]
    pub(crate) fn whole(&self, at: &Path) -> Which {
        let found = panic::catch_unwind(AssertUnwindSafe(|| {
            let version = fs::read_to_string(at.join("VERSION")).unwrap();
            let which = if version.starts_with("go1.22.5\n") { Which::First } else { Which::Second };
            assert_installed(at, self.sdk(which), true);
            which
        }));
        count("partial-trees", usize::from(found.is_err()));
        found.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    /// Asserts that an undisturbed run completes what another one left, and leaves nothing else.
    #[track_caller]
    pub(crate) fn completes(&self, which: Which, further: &[&str]) {
        let before = self.installed();
        let result = self.run(which, further).exits(0).result();
        let already = before == Some(which) && !further.contains(&"--force");
        assert_eq!(result["installed"]["already"], already);
        assert_eq!(self.installed(), Some(which));
        self.is_tidy();
    }

    /// Asserts that there is nothing but the destination.
    #[track_caller]
    pub(crate) fn is_tidy(&self) {
        let destination = self.depot.destination();
        if destination.exists() {
            assert_eq!(names(destination.parent().unwrap()), ["go"], "no staging and no lock is left");
        } else {
            assert_eq!(snapshot(&self.depot.home.home()), [""; 0]);
        }
        assert_eq!(snapshot(&self.depot.home.temporary()), [""; 0]);
        assert_eq!(self.depot.home.cached(), []);
    }

    /// Whether all that a failed run left is the file of a lock that it did not get, which means nothing to the next.
    pub(crate) fn holds_but_a_lock(&self) -> bool {
        let left = names(self.depot.destination().parent().unwrap());
        left.iter().filter(|name| *name != "go").eq([".go.goverify.lock"])
    }

    pub(crate) fn clear(&self) {
        let parent = self.depot.destination().parent().unwrap().to_owned();
        if parent.exists() {
            fs::remove_dir_all(parent).unwrap();
        }
    }
}

/// What a result rests on: the same after any fault that the run got over.
pub(crate) fn evidence(result: &Value) -> [&Value; 3] {
    ["verdict", "trust", "checks"].map(|field| &result[field])
}

/// Names the case in which a test failed.
pub(crate) struct Case(pub(crate) String);

impl Drop for Case {
    #[expect(clippy::print_stderr, reason = "the harness shows it beside the failure")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("in the case: {}", self.0);
        }
    }
}
