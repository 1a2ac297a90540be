//! A mirror, wherever it is, and how its location is written.
//!
//! - `https://…` and `http://…`: a web mirror; a missing slash at the end is added. No user name, password, query or
//!   fragment: the first two would show in logs and reports, the others have no meaning for a folder.
//!   `https://go.dev/dl/` is the official source, whose files are elsewhere.
//! - `file://…`, or anything without a scheme: a folder.
//! - `s3://BUCKET/PREFIX`, `gs://…` and `az://…`: an object store.
//! - Any other scheme is refused. A scheme has two letters at least, so that `C:\mirror` is a path.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::http::Url;
use super::object::{Bucket, SCHEMES};
use super::redirect::{LOG_HOSTS, OFFICIAL_HOSTS};
use super::remote::OFFICIAL_INDEX;
use super::{Access, FetchError, FolderMirror, HttpMirror, folder};
use crate::events::Watch;
use crate::release::{ReleaseFile, ReleaseIndex};

/// A place that holds an index, archives and their companions.
#[derive(Debug)]
#[non_exhaustive]
pub enum Mirror {
    /// On the web.
    Http(HttpMirror),
    /// In an object store, which is reached by HTTP, too.
    Object(HttpMirror),
    /// In a folder.
    Folder(FolderMirror),
}

impl Mirror {
    /// The Go team's own: index at go.dev/dl/, files at dl.google.com/go/.
    ///
    /// # Errors
    /// None that can happen in practice: the addresses are fixed.
    pub fn official(access: &Access) -> Result<Self, FetchError> {
        HttpMirror::official(access).map(Self::Http)
    }

    /// The mirror at a URL or path.
    ///
    /// # Errors
    /// [`FetchError::Location`] when it breaks one of the rules of this module. Nothing is looked up yet.
    pub fn at(location: &str, access: &Access) -> Result<Self, FetchError> {
        Ok(match place(location)? {
            Place::Path(folder) => Self::Folder(FolderMirror::at(folder)),
            Place::Web(url) if url.query().is_some() => return Err(refused(location, "it has a query")),
            Place::Object(url) => Self::Object(HttpMirror::in_bucket(Bucket::of(&url, access)?, as_folder(url))),
            Place::Web(url) => {
                let url = as_folder(url);
                if url.as_str() == OFFICIAL_INDEX {
                    return Self::official(access);
                }
                Self::Http(HttpMirror::at(url, access))
            }
        })
    }

    /// The index: over HTTP `?mode=json&include=all`, or where that is not one, `index.json`; in a folder `index.json`.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Index`] when something came, but not an index.
    pub async fn index(&self) -> Result<ReleaseIndex, FetchError> {
        match self {
            Self::Http(mirror) | Self::Object(mirror) => mirror.index().await,
            Self::Folder(mirror) => mirror.index(),
        }
    }

    /// A small file beside an archive; `None` when the mirror says that it has none. What is larger than `limit_bytes`
    /// comes as its first `limit_bytes + 1`, so that whoever judges it sees that it is too long.
    ///
    /// # Errors
    /// [`FetchError`] when it could not be had now; [`FetchError::Name`] when `name` is not one component.
    pub async fn companion(&self, name: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, FetchError> {
        match self {
            Self::Http(mirror) | Self::Object(mirror) => mirror.companion(name, limit_bytes as u64).await,
            Self::Folder(mirror) => mirror.companion(name, limit_bytes as u64),
        }
    }

    /// The folder at `path` below this mirror, such as a log's.
    pub(super) fn below(&self, path: &str, access: &Access) -> Result<Self, FetchError> {
        match self {
            Self::Http(mirror) => mirror.below(path, access).map(Self::Http),
            Self::Object(mirror) => mirror.below(path, access).map(Self::Object),
            Self::Folder(mirror) => mirror.below(path).map(Self::Folder),
        }
    }

    /// A small file at a path below this mirror; see [`Self::companion`].
    pub(super) async fn nested(&self, path: &str, limit_bytes: usize) -> Result<Option<Vec<u8>>, FetchError> {
        match self {
            Self::Http(mirror) | Self::Object(mirror) => mirror.nested(path, limit_bytes as u64).await,
            Self::Folder(mirror) => mirror.nested(path, limit_bytes as u64),
        }
    }

    /// The location of a log: as [`Self::at`], but Go's own is not left for other hosts.
    pub(super) fn of_log(location: &str, access: &Access) -> Result<Self, FetchError> {
        match place(location)? {
            Place::Web(mut url) if url.host_str().is_some_and(|host| LOG_HOSTS.contains(&host)) => {
                url.set_path(&format!("{}/", url.path().trim_end_matches('/')));
                Ok(Self::Http(HttpMirror::within(Some(LOG_HOSTS), url, access)))
            }
            _ => Self::at(location, access),
        }
    }

    /// Whether this is the Go team's own.
    #[must_use]
    pub fn is_official(&self) -> bool {
        matches!(self, Self::Http(mirror) if mirror.is_official())
    }

    /// Where a file of this mirror is, for reports.
    #[must_use]
    pub fn location(&self, name: &str) -> String {
        match self {
            Self::Http(mirror) | Self::Object(mirror) => mirror.location(name),
            Self::Folder(mirror) => mirror.location(name),
        }
    }

    /// Feeds an archive to `consume` on a thread of its own, and returns what it returns.
    ///
    /// Whenever a transfer breaks, its consumer reads an error, its result is dropped, and a fresh one is fed from the
    /// first byte. It may stop reading early; then that is the result. With `partials`, a folder, a broken transfer
    /// leaves its bytes there and a later one, even of another process, continues them where the server can; without,
    /// whatever arrives is of one answer.
    ///
    /// # Errors
    /// [`FetchError`] when exactly the index's size in bytes could not be had, or `watch` was cancelled.
    ///
    /// # Panics
    /// When `consume` does.
    pub async fn download<T, F>(
        &self,
        file: &ReleaseFile,
        partials: Option<&Path>,
        watch: &Watch,
        consume: F,
    ) -> Result<T, FetchError>
    where
        F: Fn(&mut dyn BufRead) -> T + Send + Sync + Clone + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Http(mirror) | Self::Object(mirror) => mirror.download(file, partials, watch, consume).await,
            Self::Folder(mirror) => mirror.download(file, watch, consume).await,
        }
    }
}

/// Reads an index that is given on its own: the URL of a document (it ends in `.json`, or has a query), the path of a
/// file, or else the location of a mirror.
///
/// # Errors
/// As for [`Mirror::at`] and [`Mirror::index`].
pub async fn index_at(location: &str, access: &Access) -> Result<ReleaseIndex, FetchError> {
    match place(location)? {
        Place::Path(path) if !path.is_dir() => folder::index_file(&path),
        Place::Web(url) if url.query().is_some() || url.path().ends_with(".json") => {
            HttpMirror::at(url.clone(), access).index_from(&url).await
        }
        Place::Object(url) if url.path().ends_with(".json") => {
            HttpMirror::in_bucket(Bucket::of(&url, access)?, url.clone()).index_from(&url).await
        }
        _ => Mirror::at(location, access)?.index().await,
    }
}

/// A small file at a URL of its own, with its query, or its first `limit_bytes` and one more.
///
/// # Errors
/// [`FetchError`]; [`FetchError::Location`] when it is no URL with http or https.
pub async fn document_at(location: &str, limit_bytes: u64, access: &Access) -> Result<Vec<u8>, FetchError> {
    let Place::Web(url) = place(location)? else { return Err(refused(location, "expected a URL with http or https")) };
    let is_official = url.host_str().is_some_and(|host| OFFICIAL_HOSTS.contains(&host));
    HttpMirror::within(is_official.then_some(OFFICIAL_HOSTS), url.clone(), access).document(&url, limit_bytes).await
}

/// What a location means.
pub(super) enum Place {
    Web(Url),
    Object(Url),
    Path(PathBuf),
}

/// The URL of a folder; one without a slash at its end means the same.
pub(super) fn as_folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

pub(super) fn refused(location: &str, reason: &'static str) -> FetchError {
    FetchError::Location { location: location.to_owned(), reason }
}

pub(super) fn place(location: &str) -> Result<Place, FetchError> {
    let refused = |reason| refused(location, reason);
    if location.is_empty() {
        return Err(refused("it is empty"));
    }
    let scheme = location.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_scheme = |text: &String| {
        text.len() > 1
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !text.starts_with('.')
    };
    let Some(scheme) = scheme.filter(is_scheme) else { return Ok(Place::Path(location.into())) };
    let is_object = SCHEMES.contains(&scheme.as_str());
    if !is_object && !matches!(scheme.as_str(), "http" | "https" | "file") {
        return Err(refused("expected a path, or a URL with file, http, https, s3, gs or az"));
    }
    let mut url: Url = location.parse().map_err(|_| refused("not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // The message must not show them either.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        return Err(self::refused(url.as_str(), "it has a user name or password"));
    }
    if url.fragment().is_some() {
        return Err(refused("it has a fragment"));
    }
    if scheme == "file" {
        return url.to_file_path().map(Place::Path).map_err(|()| refused("not a local file"));
    }
    if !is_object {
        return Ok(Place::Web(url));
    }
    match (url.host_str().unwrap_or_default(), url.port(), url.query()) {
        ("", ..) => Err(refused("it names no bucket")),
        (_, None, None) => Ok(Place::Object(url)),
        _ => Err(refused("it has a port or a query")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Coded};

    #[test]
    fn locations_are_read_as_users_mean_them() {
        for (location, file) in [
            ("https://a.example/golang/", "https://a.example/golang/x"),
            ("https://a.example/golang", "https://a.example/golang/x"),
            ("HTTP://A.example", "http://a.example/x"),
            ("http://127.0.0.1:8080/m", "http://127.0.0.1:8080/m/x"),
            ("file:///srv/go", "/srv/go/x"),
            ("/srv/go", "/srv/go/x"),
            ("go", "go/x"),
            ("./s3://x", "./s3://x/x"),
        ] {
            assert_eq!(Mirror::at(location, &Access::default()).unwrap().location("x"), file, "{location}");
        }
        for official in [Mirror::official(&Access::default()), Mirror::at("https://go.dev/dl", &Access::default())] {
            assert_eq!(official.unwrap().location("x"), "https://dl.google.com/go/x");
        }
    }

    #[test]
    fn other_locations_are_usage_errors() {
        for location in [
            "",
            "s3://",
            "s3:///go",
            "s3://bucket:80/go",
            "s3://bucket/go?x",
            "gs://u:p@bucket/go",
            "ftp://a.example/",
            "https://",
            "https://u@a.example/",
            "https://u:p@a.example/",
            "https://:p@a.example/#x",
            "https://a.example/#x",
            "https://a.example/?x",
            "file://host/srv",
        ] {
            assert_eq!(Mirror::at(location, &Access::default()).unwrap_err().code(), Code::Usage, "{location}");
        }
    }

    #[test]
    fn a_password_in_a_location_is_not_repeated() {
        let error = Mirror::at("https://me:secret@a.example/go", &Access::default()).unwrap_err().to_string();
        assert!(error.contains("https://a.example/go") && !error.contains("secret"), "{error}");
    }
}
