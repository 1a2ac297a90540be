//! What a machine shows to whoever starts `go` there.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::release::Platform;

/// The environment of a process, as far as the `go` command looks at it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    variables: BTreeMap<OsString, OsString>,
    work: PathBuf,
    host: Platform,
    root: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// When the current folder cannot be told.
    pub fn of_process() -> io::Result<Self> {
        let real = std::env::current_dir()?;
        // The path that a shell has come by, as Go's os.Getwd takes it.
        let logical = std::env::var_os("PWD").map(PathBuf::from).filter(|path| path.is_absolute());
        let work = logical.filter(|path| path.canonicalize().is_ok_and(|path| path == real)).unwrap_or(real);
        Ok(Self::new(std::env::vars_os(), work, Platform::host()))
    }

    /// Those of a process with these variables and this current folder, on a machine of this platform.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>, work: PathBuf, host: Platform) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (key(&name), value)).collect();
        Self { variables, work, host, root: PathBuf::from("/") }
    }

    /// The same, with `root` in place of `/` where well-known folders of the system are looked for.
    #[cfg(test)]
    pub(crate) fn with_root(self, root: PathBuf) -> Self {
        Self { root, ..self }
    }

    /// The same with another value of a variable, or without it.
    pub(super) fn with_variable(mut self, name: &str, value: Option<&OsStr>) -> Self {
        let name = key(name.as_ref());
        match value {
            Some(value) => self.variables.insert(name, value.to_owned()),
            None => self.variables.remove(&name),
        };
        self
    }

    /// A variable; one that is empty is as good as none, as for the `go` command.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(&key(name.as_ref())).filter(|value| !value.is_empty()).map(OsString::as_os_str)
    }

    /// The current folder.
    #[must_use]
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The platform that programs run on here.
    #[must_use]
    pub fn host(&self) -> &Platform {
        &self.host
    }

    /// The home folder, as the `go` command finds it.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.variable(if self.is_windows() { "USERPROFILE" } else { "HOME" }).map(Path::new)
    }

    /// A well-known folder, given from the root of the file system.
    #[must_use]
    pub fn system(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The folders of `PATH`, as written.
    pub fn search_path(&self) -> impl Iterator<Item = PathBuf> {
        self.variable("PATH").into_iter().flat_map(std::env::split_paths)
    }

    /// The nearest file of that name, here or above.
    pub(super) fn nearest(&self, name: &str) -> Option<PathBuf> {
        let mut paths = self.work.ancestors().map(|folder| folder.join(name));
        paths.find(|path| path.metadata().is_ok_and(|found| !found.is_dir()))
    }

    /// The nearest `go.mod`; one in the folder for temporary files itself does not count.
    pub(super) fn go_mod(&self) -> Option<PathBuf> {
        let temporary = self.variable("TMPDIR").unwrap_or(OsStr::new("/tmp"));
        self.nearest("go.mod").filter(|path| path.parent() != Some(Path::new(temporary)))
    }

    /// The name of a program as a file.
    #[must_use]
    pub fn program(&self, name: &str) -> String {
        if self.is_windows() { format!("{name}.exe") } else { name.to_owned() }
    }

    pub(super) fn is_windows(&self) -> bool {
        self.host.os() == "windows"
    }

    /// The folder that a kind of settings is kept below, as Go's `os.UserConfigDir` and `os.UserCacheDir` tell it.
    pub(super) fn user_folder(&self, kind: UserFolder) -> Option<PathBuf> {
        let (windows, darwin, xdg, unix) = match kind {
            UserFolder::Config => ("AppData", "Library/Application Support", "XDG_CONFIG_HOME", ".config"),
            UserFolder::Cache => ("LocalAppData", "Library/Caches", "XDG_CACHE_HOME", ".cache"),
        };
        match self.host.os() {
            "windows" => self.variable(windows).map(PathBuf::from),
            "darwin" | "ios" => self.variable("HOME").map(|home| Path::new(home).join(darwin)),
            _ => match self.variable(xdg) {
                Some(folder) => Some(PathBuf::from(folder)).filter(|folder| folder.is_absolute()),
                None => self.variable("HOME").map(|home| Path::new(home).join(unix)),
            },
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum UserFolder {
    Config,
    Cache,
}

/// Names of variables are of any case on Windows.
fn key(name: &OsStr) -> OsString {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

/// The shortest path that means the same by its letters alone, as Go's `filepath.Clean`: links are not looked at.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match (component, cleaned.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                cleaned.pop();
            }
            (component, _) => cleaned.push(component),
        }
    }
    if cleaned.as_os_str().is_empty() { ".".into() } else { cleaned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        let cases = [
            ("", "."),
            (".", "."),
            ("./a", "a"),
            ("a//b/", "a/b"),
            ("a/../..", ".."),
            ("../../a", "../../a"),
            ("/..", "/"),
            ("/../a/./b/../c/", "/a/c"),
            ("/usr/local/go/bin/../..", "/usr/local"),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(Path::new(path)).as_os_str(), expected, "{path}");
        }
    }
}
