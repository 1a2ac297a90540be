//! Where a redirect may lead.
//!
//! 1. At most [`REDIRECT_LIMIT`] hops.
//! 2. To https; to http only when the location that the user named is http.
//! 3. Without user name and password, which would go to whoever the redirect names.
//! 4. To a host written as an IP address only when the user named that very host: a public mirror has no business
//!    pointing into somebody's network.
//! 5. From the official source to [`OFFICIAL_HOSTS`] alone, from the official log to [`LOG_HOSTS`].

use std::net::Ipv4Addr;

use super::http::Url;

/// Most redirects of one request; go.dev needs one.
pub(super) const REDIRECT_LIMIT: usize = 5;
/// The hosts of the official source.
pub(super) const OFFICIAL_HOSTS: &[&str] = &["go.dev", "dl.google.com"];
/// The hosts of the official log.
pub(super) const LOG_HOSTS: &[&str] = &["sum.golang.org", "sum.golang.google.cn"];

/// Says which rule forbids to follow a redirect to `to`, in a request whose first URL was `named`, and which may be
/// answered by these `hosts` alone, if they are given.
pub(super) fn forbidden(named: &Url, hosts: Option<&[&str]>, to: &Url) -> Option<&'static str> {
    match to.scheme() {
        "https" => {}
        "http" if named.scheme() == "http" => {}
        _ => return Some("not https"),
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Some("it has a user name or password");
    }
    let host = to.host_str().unwrap_or_default();
    if hosts.is_some_and(|hosts| !hosts.contains(&host) || to.port().is_some()) {
        return Some("not a host of the official source");
    }
    let address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    (address && named.host_str() != Some(host)).then_some("the host is an IP address")
}

/// A location, which may not even be a URL, without user name and password: a message or a log must not repeat them.
pub(super) fn without_user(location: &str) -> String {
    let (scheme, rest) = location.split_once("//").unwrap_or(("", location));
    let authority = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}//{host}{path}"),
        None => location.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_repeats_no_user_name_and_no_password() {
        for (location, shown) in [
            ("https://a.example/x@y", "https://a.example/x@y"),
            ("https://u:p@a.example/x@y", "https://a.example/x@y"),
            ("https://u:p@q@a.example", "https://a.example"),
            ("https://u:p@[bad", "https://[bad"),
            ("//u:p@a.example?q", "//a.example?q"),
            ("/path@x", "/path@x"),
            ("u:p@", "//"),
        ] {
            assert_eq!(without_user(location), shown, "{location}");
        }
    }

    #[test]
    fn redirects_go_only_where_the_rules_allow() {
        for (named, official, to, allowed) in [
            ("https://go.dev/dl/x", true, "https://dl.google.com/go/x", true),
            ("https://go.dev/dl/x", true, "https://go.dev/y", true),
            ("https://go.dev/dl/x", true, "https://dl.google.com:8443/go/x", false),
            ("https://go.dev/dl/x", true, "https://storage.googleapis.com/x", false),
            ("https://go.dev/dl/x", true, "https://evil.go.dev/x", false),
            ("https://go.dev/dl/x", true, "http://go.dev/x", false),
            ("https://a.example/x", false, "https://b.example/x", true),
            ("https://a.example/x", false, "http://a.example/x", false),
            ("http://a.example/x", false, "http://b.example/x", true),
            ("http://a.example/x", false, "https://b.example/x", true),
            ("https://a.example/x", false, "ftp://a.example/x", false),
            ("https://a.example/x", false, "file:///etc/passwd", false),
            ("https://a.example/x", false, "https://u@b.example/x", false),
            ("https://a.example/x", false, "https://:p@b.example/x", false),
            ("https://a.example/x", false, "https://10.0.0.1/x", false),
            ("https://a.example/x", false, "https://0x7f.1/x", false),
            ("https://a.example/x", false, "https://2130706433/x", false),
            ("https://a.example/x", false, "https://[::1]/x", false),
            ("https://10.0.0.1/x", false, "https://10.0.0.1:8443/y", true),
            ("https://10.0.0.1/x", false, "https://10.0.0.2/y", false),
            ("https://[::1]/x", false, "https://[::1]/y", true),
        ] {
            let hosts = official.then_some(OFFICIAL_HOSTS);
            let refusal = forbidden(&named.parse().unwrap(), hosts, &to.parse().unwrap());
            assert_eq!(refusal.is_none(), allowed, "{named} -> {to}: {refusal:?}");
        }
    }
}
