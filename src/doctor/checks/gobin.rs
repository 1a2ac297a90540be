//! Where `go install` puts programs, and GOPATH and the caches that this follows from.

use std::path::{Path, PathBuf};

use super::super::finding::{Finding, Kind, cut, set, stated, word};
use super::super::surroundings::{Surroundings, clean};
use super::super::target::{Refusal, Shadowed};
use super::super::{Chain, GoEnv, Origin, Setting};

/// Sets the home folder to the one that the system knows.
const HOME: &str = "export HOME=\"$(eval echo \"~$(id -un)\")\"";

pub(super) fn check(surroundings: &Surroundings, chain: &Chain) -> Vec<Finding> {
    let env = &chain.env;
    let mut findings = gopath(surroundings, env);
    findings.extend(cache(env));
    let Some(gobin) = env.find("GOBIN") else { return findings };
    let evidence = if gobin.is_set() { Some(gobin) } else { env.find("GOPATH") };
    let evidence = evidence.map(stated).unwrap_or_default();
    let folder = match &chain.target.folder {
        Ok(folder) => folder,
        Err(Refusal::RelativeGobin) => {
            let message = "go install refuses a GOBIN that is not absolute";
            findings.push(Finding::new(Kind::GobinRelative, message, evidence, set(gobin, None)));
            return findings;
        }
        Err(Refusal::GobinAcross) => {
            let message = format!(
                "go install refuses to put programs for {}/{} into GOBIN",
                env.text("GOOS"),
                env.text("GOARCH")
            );
            findings.push(Finding::new(Kind::GobinAcross, message, evidence, set(gobin, None)));
            return findings;
        }
        // GOPATH says so.
        Err(Refusal::NoGopath) => return findings,
    };
    let shown = folder.display();
    // What says that programs go there, if anybody has said so.
    let by = [Some(gobin), env.find("GOPATH")].into_iter().flatten().find(|setting| setting.is_set());
    let elsewhere = || by.map(|setting| set(setting, None)).unwrap_or_default();
    match folder.metadata() {
        Ok(found) if found.is_dir() && is_writable(folder) => {}
        Ok(found) => {
            let why = if found.is_dir() { "may not be written to" } else { "is no folder" };
            findings.push(Finding::new(
                Kind::GobinNotWritable,
                format!("{shown} {why}"),
                evidence.clone(),
                elsewhere(),
            ));
        }
        Err(_) => match above(folder).filter(|above| !folder.is_symlink() && is_writable(above)) {
            Some(_) => {
                let message = format!("{shown} is not there yet; go install makes it");
                let fix = format!("mkdir -p {}", word(folder));
                findings.push(Finding::new(Kind::GobinMissing, message, evidence.clone(), fix));
            }
            None => {
                let message = format!("{shown} is not there, and cannot be made");
                findings.push(Finding::new(Kind::GobinNotWritable, message, evidence.clone(), elsewhere()));
            }
        },
    }
    findings.extend(on_path(chain, folder, &evidence));
    findings.extend(inside(surroundings, env, folder, &evidence));
    findings
}

/// The nearest folder above that is there.
fn above(folder: &Path) -> Option<&Path> {
    folder.ancestors().skip(1).find(|above| above.exists()).filter(|above| above.is_dir())
}

fn is_writable(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
    }
    #[cfg(not(unix))]
    {
        folder.metadata().is_ok_and(|found| !found.permissions().readonly())
    }
}

fn on_path(chain: &Chain, folder: &Path, evidence: &str) -> Vec<Finding> {
    let across = folder.file_name() != Some("bin".as_ref()) && !chain.env.find("GOBIN").is_some_and(Setting::is_set);
    if chain.target.place.is_none() {
        // Nobody runs programs for another platform from there.
        if across {
            return Vec::new();
        }
        let message = format!("{} is not in PATH: nobody finds what go install puts there", folder.display());
        let fix = format!("export PATH=\"$PATH\":{}", word(folder));
        return vec![Finding::new(Kind::GobinNotOnPath, message, evidence, fix)];
    }
    let Some(Shadowed { found, installed }) = chain.target.shadowed.first() else { return Vec::new() };
    let message = match chain.target.shadowed.len() {
        1 => format!("{} is found before {}", found.display(), installed.display()),
        count => format!(
            "{count} programs are found elsewhere first, such as {} before {}",
            found.display(),
            installed.display()
        ),
    };
    let fix = format!("export PATH={}:\"$PATH\"", word(folder));
    vec![Finding::new(Kind::GobinShadowed, message, found.display().to_string(), fix)]
}

/// Folders that programs should not be put into.
fn inside(surroundings: &Surroundings, env: &GoEnv, folder: &Path, evidence: &str) -> Vec<Finding> {
    let real = |path: &Path| -> PathBuf {
        let path = surroundings.work().join(clean(path));
        path.canonicalize().unwrap_or(path)
    };
    let is_inside = |name: &str| env.path(name).is_some_and(|outer| real(folder).starts_with(real(outer)));
    let by = ["GOBIN", "GOPATH"].into_iter().filter_map(|name| env.find(name)).find(|setting| setting.is_set());
    let fix = by.map(|setting| set(setting, None)).unwrap_or_default();
    let mut findings = Vec::new();
    for cache in ["GOCACHE", "GOMODCACHE"] {
        if is_inside(cache) {
            let message = format!("{} is in {cache}, which go clean empties", folder.display());
            findings.push(Finding::new(Kind::GobinInCache, message, evidence, fix.clone()));
        }
    }
    if is_inside("GOROOT") {
        let message =
            format!("{} is in GOROOT: a program there can stand in the place of one of Go's", folder.display());
        findings.push(Finding::new(Kind::GobinInGoroot, message, evidence, fix));
    }
    findings
}

fn gopath(surroundings: &Surroundings, env: &GoEnv) -> Vec<Finding> {
    let Some(gopath) = env.find("GOPATH") else { return Vec::new() };
    let mut findings = Vec::new();
    let is_goroot = env.path("GOROOT").is_some_and(|goroot| clean(goroot) == clean(Path::new(&gopath.value)));
    if !gopath.value.is_empty() && is_goroot {
        let message = "GOPATH and GOROOT are the same folder";
        let fix = if gopath.is_set() { set(gopath, None) } else { "export GOPATH=\"$HOME\"/gopath".to_owned() };
        findings.push(Finding::new(Kind::GopathIsGoroot, message, stated(gopath), fix));
    }
    let refused = |path: &PathBuf| !path.as_os_str().is_empty() && (!path.is_absolute() || path.starts_with("~"));
    if !is_goroot && std::env::split_paths(&gopath.value).any(|path| refused(&path)) {
        let message = "the go command refuses a GOPATH that is not absolute";
        findings.push(Finding::new(Kind::GopathInvalid, message, stated(gopath), cut(gopath)));
    }
    if env.gopath(surroundings).is_none()
        && (env.value("GOMODCACHE").is_empty() || !env.find("GOBIN").is_some_and(Setting::is_set))
    {
        let message = "GOPATH is empty: there is no home folder to put it in, and no place for modules and programs";
        let fix = if gopath.is_set() { set(gopath, None) } else { HOME.to_owned() };
        findings.push(Finding::new(Kind::GopathEmpty, message, stated(gopath), fix));
    }
    findings
}

fn cache(env: &GoEnv) -> Option<Finding> {
    let setting = env.find("GOCACHE")?;
    // The folder itself is made by whoever needs it.
    let nearest = Path::new(&setting.value).ancestors().find(|path| path.exists());
    if setting.value != "off" && nearest.is_none_or(Path::is_dir) {
        return None;
    }
    let message = "there is no folder for the build cache, without which go builds nothing";
    let fix = if setting.origin == Origin::Default { HOME.to_owned() } else { set(setting, None) };
    Some(Finding::new(Kind::GocacheOff, message, stated(setting), fix))
}
