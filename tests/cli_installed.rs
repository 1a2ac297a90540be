//! `goverify list --installed`: which trees there are, and in what state.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use goverify::release::Platform;
use serde_json::{Value, json};
use support::binary::Home;
use support::sdk::{Files, Sdk};

fn put(path: &Path, files: &Files) {
    for (name, (content, _)) in files {
        let path = path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn host_sdk(version: &str) -> Sdk {
    Sdk::minimal(version, &Platform::host().to_string())
}

#[track_caller]
fn listed(home: &Home, further: &[&str]) -> Value {
    let document = home.run([&["list", "--installed", "--json"], further].concat()).exits(0).json();
    assert_eq!([&document["command"], &document["verdict"]], ["list", "ok"]);
    document["installed"].clone()
}

#[test]
fn trees_that_goverify_did_not_install_are_listed_too() {
    let home = Home::new();
    assert_eq!(listed(&home, &[]), json!([]));
    let (sdk, platform) = (home.home().join("sdk"), Platform::host().to_string());
    put(&sdk.join("go1.22.5"), host_sdk("go1.22.5").files());
    put(&sdk.join("go1.9.7"), host_sdk("go1.9.7").files());
    // As golang.org/dl leaves them when it is interrupted.
    put(&sdk.join("go1.21.1"), host_sdk("go1.21.1").without("VERSION").files());
    fs::create_dir(sdk.join("empty")).unwrap();
    // What is being installed just now, and what is no tree at all.
    fs::create_dir(sdk.join(".go1.22.6.goverify-0123456789abcdef")).unwrap();
    fs::write(sdk.join("file"), "").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("go1.22.5", sdk.join("current")).unwrap();
    let tree = |name: &str, version: Option<&str>, state: &str| {
        let platform = version.map(|_| platform.clone());
        json!({"version": version, "platform": platform, "path": sdk.join(name), "state": state})
    };
    let expected = json!([
        tree("go1.22.5", Some("go1.22.5"), "no-receipt"),
        tree("go1.9.7", Some("go1.9.7"), "no-receipt"),
        tree("empty", None, "incomplete"),
        tree("go1.21.1", None, "incomplete"),
    ]);
    assert_eq!(listed(&home, &[]), expected);
    let lines = home.run(["list", "--installed"]).exits(0).stdout;
    let first = format!("go1.22.5\t{platform}\tno-receipt\t{}\n", sdk.join("go1.22.5").display());
    assert!(lines.starts_with(&first), "{lines}");
    assert!(lines.ends_with(&format!("-\t-\tincomplete\t{}\n", sdk.join("go1.21.1").display())), "{lines}");

    // Further trees, and folders of trees.
    let (one, folder) = (home.home().join("usr/local/go"), home.home().join("opt"));
    put(&one, host_sdk("go1.20").files());
    put(&folder.join("a"), host_sdk("go1.22.7").files());
    let paths = |further: &[&str]| -> Vec<String> {
        let listed = listed(&home, further);
        let versions = listed.as_array().unwrap().iter().filter_map(|tree| tree["version"].as_str());
        versions.map(str::to_owned).collect()
    };
    let all = ["go1.22.7", "go1.22.5", "go1.20", "go1.9.7"];
    assert_eq!(paths(&[one.to_str().unwrap(), folder.to_str().unwrap()]), all);
    assert_eq!(paths(&["../home/usr/local/go", "../home/opt", "../home/opt/"]), all, "once each");
    home.run(["list", "--installed", "missing"]).exits(5);
}

#[cfg(feature = "net")]
#[test]
fn the_state_of_a_tree_is_what_its_receipt_says_of_it_now() {
    use support::depot::Depot;
    let sdks = [host_sdk("go1.22.5"), host_sdk("go1.22.4"), Sdk::minimal("go1.22.5", "src")];
    let depot = Depot::of(&sdks);
    let mirror = depot.write();
    depot.run(&mirror, &["1.22.5", "1.22.4"]).exits(0);
    depot.run(&mirror, &["1.22.5", "src"]).exits(0);
    let states = || -> Vec<(String, String, String)> {
        let text = |tree: &Value, field: &str| tree[field].as_str().unwrap_or("-").to_owned();
        let listed = listed(&depot.home, &[]);
        let trees = listed.as_array().unwrap().iter();
        trees.map(|tree| (text(tree, "version"), text(tree, "platform"), text(tree, "state"))).collect()
    };
    let host = Platform::host().to_string();
    let expected = |newer: &str, older: &str| {
        let row =
            |version: &str, platform: &str, state: &str| (version.to_owned(), platform.to_owned(), state.to_owned());
        [row("go1.22.5", &host, newer), row("go1.22.5", "src", "intact"), row("go1.22.4", &host, older)]
    };
    assert_eq!(states(), expected("intact", "intact"));
    let tree = depot.home.home().join("sdk/go1.22.5");
    fs::write(tree.join("src/make.bash"), "echo changed\n").unwrap();
    fs::remove_file(depot.home.home().join("sdk/go1.22.4").join(support::binary::RECEIPT)).unwrap();
    assert_eq!(states(), expected("changed", "no-receipt"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What others could have written says nothing.
        let receipt = tree.join(support::binary::RECEIPT);
        fs::set_permissions(receipt, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(states(), expected("no-receipt", "no-receipt"));
    }
    depot.run(&mirror, &["1.22.5", "1.22.4", "--force"]).exits(0);
    assert_eq!(states(), expected("intact", "intact"));
    // What a mirror offers and what is here are two questions.
    for flags in [&["--installed", "--mirror", "x"][..], &["1.22.5", "1.22.4"], &["1.22.x"]] {
        depot.home.run([&["list"], flags].concat()).exits(2);
    }
}
