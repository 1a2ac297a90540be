//! An S3 server that a test starts: moto, by the Python that GOVERIFY_MOTO names, or `python3`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use serde_json::Value;

use super::real::skipped;

const SERVER: &str = include_str!("s3_server.py");
/// The one bucket that the server has.
pub const BUCKET: &str = "mirror";

/// The server; it stops when dropped.
pub struct S3 {
    child: Child,
    line: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    greeting: Value,
}

impl S3 {
    /// Starts one; says why not where there is none.
    pub fn start() -> Option<Self> {
        let python = std::env::var_os("GOVERIFY_MOTO").unwrap_or_else(|| "python3".into());
        let mut command = Command::new(python);
        command.args(["-c", SERVER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else {
            skipped("there is no python3, to run moto with");
            return None;
        };
        let (stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut greeting = String::new();
        stdout.read_line(&mut greeting).unwrap();
        if greeting.is_empty() {
            skipped("this python3 has no moto[s3] with flask-cors, an S3 server; GOVERIFY_MOTO may name one that has");
            child.wait().unwrap();
            return None;
        }
        Some(Self { child, line: Mutex::new((stdin, stdout)), greeting: serde_json::from_str(&greeting).unwrap() })
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.greeting["port"])
    }

    /// Sets the variables of a user, `writer` or `reader`, and no other of such variables.
    pub fn admit<'a>(&self, command: &'a mut Command, user: &str) -> &'a mut Command {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let key = |part: usize| self.greeting[user][part].as_str().unwrap();
        command
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", key(0))
            .env("AWS_SECRET_ACCESS_KEY", key(1))
    }

    fn ask(&self, question: &str) -> Value {
        let mut line = self.line.lock().unwrap();
        writeln!(line.0, "{question}").unwrap();
        let mut answer = String::new();
        line.1.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    fn list(&self, question: &str) -> Vec<String> {
        serde_json::from_value(self.ask(question)).unwrap()
    }

    /// All requests so far: `METHOD /BUCKET/KEY?QUERY`, with the range after a space.
    pub fn requests(&self) -> Vec<String> {
        self.list("requests")
    }

    /// The keys of uploads that were begun and neither completed nor taken back.
    pub fn uploads(&self) -> Vec<String> {
        self.list("uploads")
    }

    /// From now on requests of this method are answered with 503 where their query has this word.
    pub fn refuse(&self, method: &str, word: &str) {
        self.ask(&format!("refuse {method} {word}"));
    }

    /// Turns one bit in the middle of an object.
    pub fn flip(&self, key: &str) {
        self.ask(&format!("flip {key}"));
    }

    /// Nothing is refused any more.
    pub fn allow(&self) {
        self.ask("allow");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
