//! Versions, platforms and the names of archives: what is one, and what only looks like one.

use goverify::error::Code;
use goverify::release::{ArchiveName, Platform, ReleaseError, Selector, Target, Version};

use super::{EMPTY, MALFORMED, NAME, entry, entry_with, index, parse, release, select_for};

#[test]
fn j01_archive_names_are_the_published_ones() {
    for text in [
        NAME,
        "go1.22.5.linux-armv6l.tar.gz",
        "go1.20.src.tar.gz",
        "go1.23rc1.darwin-arm64.tar.gz",
        "go1.22.5.windows-amd64.zip",
    ] {
        assert_eq!(text.parse::<ArchiveName>().unwrap().to_string(), text);
    }
    for text in [
        "1.22.5.linux-amd64.tar.gz",
        "go1.22.5.linux-arm.tar.gz",
        "go1.22.5.windows-amd64.tar.gz",
        "go1.22.5.linux-amd64.zip",
        "go1.22.5.tar.gz",
        "go1.22.5.linux-amd64.msi",
        "go1.22.linux-amd64.tar.gz",
        "",
    ] {
        assert_eq!(text.parse::<ArchiveName>(), Err(ReleaseError::ArchiveName(text.to_owned())), "{text:?}");
    }
}

#[test]
fn j10_hostile_version() {
    let (long, power) = ("9".repeat(40), format!("1.{}", 10_u128.pow(38)));
    for text in [
        "",
        "go",
        "1",
        "go1",
        "1.21",
        "1.",
        "1..2",
        ".1",
        "1.2.3.4",
        "1.022.5",
        "1.22.5;rm",
        "../1.2",
        "../../etc",
        "1.22.5/..",
        "1.22/5",
        r"1.22\5",
        "1.22.5%2f",
        "-x",
        "--upload-pack=x",
        "1.22.5+meta",
        "1.22.5-rc1",
        "1.22rc",
        "1.22rc01",
        "1.22alpha1",
        "1.22.5 ",
        " 1.22.5",
        "1.22.5\n",
        "1.22.5\0",
        "1.22.٥",
        "1.22.５",
        "gogo1.22.5",
        "Go1.22.5",
        &long,
        &power,
        "1.100000.0",
        "1.22rc1beta1",
        "1.22.+5",
        "1.22.-5",
        "1.22.5$(id)",
        "1.22.5`id`",
    ] {
        assert_eq!(text.parse::<Version>(), Err(ReleaseError::Version(text.to_owned())), "{text:?}");
        let name = format!("go{text}.src.tar.gz");
        assert!(
            name.parse::<ArchiveName>().is_err() && text.parse::<Selector>().is_err() || text == "1.21",
            "{text:?}"
        );
        // From an index, it is no release that could be asked for.
        if !text.contains(['\n', '\0', '\\']) {
            let index = parse(format!("[{EMPTY},{}]", release(text, "false", &[]))).unwrap();
            assert_eq!(index.releases().len(), 1, "{text:?}");
        }
    }
    for text in ["go1.22.5", "go1.20", "go1.23rc1", "go1.9.2rc2", "go1.6beta1", "go1.21.0", "go1.99999.0"] {
        let version: Version = text.parse().unwrap();
        assert_eq!(version.to_string(), text);
        assert_eq!(text.strip_prefix("go").unwrap().parse(), Ok(version));
    }
    for text in [
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/amd64/x",
        "linux/../x",
        "../linux/amd64",
        "Linux/amd64",
        "linux/amd 64",
        "linux/ämd",
        "linux/aaaaaaaaaaaaaaaaa",
        "linux/amd64\0",
    ] {
        assert_eq!(text.parse::<Target>(), Err(ReleaseError::Platform(text.to_owned())), "{text:?}");
    }
    assert_eq!("src".parse(), Ok(Target::Source));
}

#[test]
fn j11_aliases_of_platforms() {
    for text in ["linux/arm", "linux/armv6l", "linux-armv6l", "linux/arm6"] {
        let platform: Platform = text.parse().unwrap();
        assert_eq!((platform.to_string().as_str(), platform.published_arch()), ("linux/arm", "armv6l"));
    }
    for (text, published) in [("freebsd/arm", "arm"), ("linux/arm64", "arm64"), ("windows/386", "386")] {
        assert_eq!(text.parse::<Platform>().unwrap().published_arch(), published);
    }
    let arm = index(&[entry().replace("amd64", "armv6l")]);
    for asked in ["linux/arm", "linux/armv6l"] {
        let file = select_for(asked, &arm).unwrap();
        assert_eq!(file.name().to_string(), "go1.22.5.linux-armv6l.tar.gz");
    }
    assert_eq!(select_for("freebsd/arm", &arm).unwrap_err(), Code::PlatformNotFound);
    // Only for linux is `arm` another word.
    assert_eq!(select_for("linux/arm", &index(&[entry().replace("amd64", "arm")])), Err(Code::PlatformNotFound));
    assert!(select_for("freebsd/arm", &index(&[entry().replace("amd64", "arm").replace("linux", "freebsd")])).is_ok());
}

#[test]
fn j11_archives_that_no_platform_names() {
    // Two darwin archives for one platform: which one is wanted cannot be said.
    let darwin =
        |suffix: &str| entry().replace("linux-amd64", &format!("darwin-amd64{suffix}")).replace("linux", "darwin");
    let both = index(&[darwin("-osx10.6"), darwin("-osx10.8")]);
    assert_eq!(select_for("darwin/amd64", &both), Err(MALFORMED));
    assert!(select_for("darwin/amd64", &index(&[darwin(""), darwin("-osx10.8")])).is_ok());
    for name in [
        "go1.4.2.darwin-amd64-osx10.8.tar.gz",
        "go1.4-bootstrap-20170531.tar.gz",
        "go1.4-bootstrap-20171003.tar.gz",
        "go1.4.src.tar.gz.asc",
    ] {
        assert_eq!(name.parse::<ArchiveName>(), Err(ReleaseError::ArchiveName(name.to_owned())));
    }
    let bootstrap = entry_with("filename", Some("\"go1.4-bootstrap-20170531.tar.gz\""))
        .replace("\"linux\"", "\"4\"")
        .replace("\"amd64\"", "\"bootstrap\"");
    assert_eq!(parse(format!("[{}]", release("go1", "true", &[bootstrap]))).unwrap().releases(), []);
    assert!("4/bootstrap".parse::<Platform>().is_ok(), "a platform by its letters, and of no release");
}
