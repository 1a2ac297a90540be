//! HTTPS on 127.0.0.1: an authority of our own, and a front that speaks TLS before a plain server.
//!
//! The front is also a proxy: after `CONNECT` it is whoever was asked for, as far as its certificate says so. Every
//! connection leaves one word of how it began and one of how its handshake ended.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

/// Makes certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The years for which a certificate holds.
pub type Years = (i32, i32);
/// Those of a certificate with nothing wrong.
pub const LIVE: Years = (2020, 2100);

/// What a server shows of itself.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Lets whoever reads this file by `SSL_CERT_FILE` trust this authority, and no other.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.issuer.pem()).unwrap();
    }

    /// A server of these names and addresses.
    pub fn identity(&self, names: &[&str], years: Years) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, years).signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.into()], key: key.into() }
    }
}

impl Identity {
    /// Nobody else vouches for this one.
    pub fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params(names, LIVE).self_signed(&key).unwrap();
        Self { chain: vec![certificate.into()], key: key.into() }
    }
}

fn params(names: &[&str], (from, until): Years) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    params
}

/// What the front does with a `CONNECT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// It is whoever was asked for.
    Open,
    /// It answers with this head.
    Refused(&'static str),
}

/// The front; it stops when dropped.
pub struct Front {
    address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    arrivals: Vec<String>,
    streams: Vec<TcpStream>,
    /// Connections that have not ended.
    open: usize,
    stopping: bool,
}

impl Front {
    /// Shows `identity`, and hands every request on to `backend`.
    pub fn start(identity: Identity, tunnel: Tunnel, backend: SocketAddr) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let (address, state) = (listener.local_addr().unwrap(), Arc::<(Mutex<State>, Condvar)>::default());
        let shared = Arc::clone(&state);
        let acceptor = std::thread::spawn(move || {
            let mut workers = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut locked = shared.0.lock().unwrap();
                if locked.stopping {
                    break;
                }
                locked.open += 1;
                locked.streams.push(stream.try_clone().unwrap());
                let (shared, config) = (Arc::clone(&shared), Arc::clone(&config));
                workers.push(std::thread::spawn(move || {
                    // A client that goes away is what many tests are about.
                    let _ = serve(&stream, config, tunnel, backend, &shared.0);
                    let _ = stream.shutdown(Shutdown::Both);
                    shared.0.lock().unwrap().open -= 1;
                    shared.1.notify_all();
                }));
            }
            for worker in workers {
                worker.join().unwrap();
            }
        });
        Self { address, state, acceptor: Some(acceptor) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How every connection began (`CONNECT host:port`, `tls`, or the first line of a plain request) and, where a
    /// handshake was tried, whether it `succeeded` or `failed`. Waits for all of them to end.
    pub fn arrivals(&self) -> Vec<String> {
        let state = self.state.0.lock().unwrap();
        self.state.1.wait_while(state, |state| state.open > 0).unwrap().arrivals.clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        {
            let mut state = self.state.0.lock().unwrap();
            state.stopping = true;
            for stream in &state.streams {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        let _ = TcpStream::connect(self.address);
        let joined = self.acceptor.take().unwrap().join();
        if !std::thread::panicking() {
            joined.unwrap();
        }
    }
}

fn read_head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

fn serve(
    mut stream: &TcpStream,
    config: Arc<ServerConfig>,
    tunnel: Tunnel,
    backend: SocketAddr,
    state: &Mutex<State>,
) -> io::Result<()> {
    /// What every TLS record with a handshake begins with (RFC 8446 §5.1).
    const HANDSHAKE: u8 = 22;
    let note = |arrival: String| state.lock().unwrap().arrivals.push(arrival);
    let mut first = [0];
    if stream.peek(&mut first)? == 0 {
        // Gone without a word, as who has no use for the connection any more.
        return Ok(());
    }
    if first[0] != HANDSHAKE {
        let head = String::from_utf8(read_head(&mut stream)?).unwrap();
        let connect = head.strip_prefix("CONNECT ").map(|rest| rest.split(' ').next().unwrap());
        let Some(host) = connect else {
            note(head.lines().next().unwrap().to_owned());
            return Ok(());
        };
        let credentials =
            head.lines().find_map(|line| line.to_ascii_lowercase().find("proxy-authorization: ").map(|_| line));
        let known = credentials.and_then(|line| line.split_once(": ")).map(|(_, value)| format!(" as {value}"));
        note(format!("CONNECT {host}{}", known.unwrap_or_default()));
        match tunnel {
            Tunnel::Open => stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?,
            Tunnel::Refused(answer) => return stream.write_all(answer.as_bytes()),
        }
    } else {
        note("tls".to_owned());
    }
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let handshake = connection.complete_io(&mut stream).and_then(|_| {
        // What the client thinks of the certificate it says after the server's last word, or with its request.
        read_head(&mut Stream::new(&mut connection, &mut stream))
    });
    note(if handshake.is_ok() { "succeeded" } else { "failed" }.to_owned());
    let head = handshake?;
    let mut backend = TcpStream::connect(backend)?;
    backend.write_all(&head)?;
    io::copy(&mut backend, &mut Stream::new(&mut connection, &mut stream))?;
    connection.send_close_notify();
    connection.complete_io(&mut stream).map(|_| ())
}
