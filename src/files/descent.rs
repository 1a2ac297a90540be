//! Walks to directories below a root, from one to the next, with few opens: the handles on the way stay open.

use std::io;

use super::directory::Directory;

/// The way from a root to the directory that was asked for last; paths come best in sorted order.
pub(crate) struct Descent<'a> {
    root: &'a Directory,
    /// From the root's child down, each with its path relative to the root.
    way: Vec<(&'a str, Directory)>,
}

impl<'a> Descent<'a> {
    pub(crate) fn new(root: &'a Directory) -> Self {
        Self { root, way: Vec::new() }
    }

    /// The directory at `path`, which is empty for the root.
    pub(crate) fn enter(&mut self, path: &'a str) -> io::Result<&Directory> {
        self.walk(path, |here, name| here.child(name.as_ref()))
    }

    /// Creates the directory at `path`, whose parent must exist, and stays there.
    pub(crate) fn create(&mut self, path: &'a str, mode: u32) -> io::Result<()> {
        self.enter(path.rsplit_once('/').map_or("", |(parent, _)| parent))?;
        self.walk(path, |here, name| here.create_directory(name.as_ref(), mode))?;
        Ok(())
    }

    fn walk(
        &mut self,
        path: &'a str,
        step: impl Fn(&Directory, &str) -> io::Result<Directory>,
    ) -> io::Result<&Directory> {
        while self.way.last().is_some_and(|(here, _)| !is_on_way(here, path)) {
            self.way.pop();
        }
        let mut length = self.way.last().map_or(0, |(here, _)| here.len());
        for name in path.get(length..).unwrap_or_default().split('/').filter(|name| !name.is_empty()) {
            let next = step(self.here(), name)?;
            length += name.len() + usize::from(length > 0);
            self.way.push((path.get(..length).unwrap_or_default(), next));
        }
        Ok(self.here())
    }

    fn here(&self) -> &Directory {
        self.way.last().map_or(self.root, |(_, directory)| directory)
    }
}

fn is_on_way(directory: &str, path: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
