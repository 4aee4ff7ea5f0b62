//! A Redis server of a test's own: on a free port, in a temporary folder, ended with the test.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) struct Server {
    child: Option<Child>,
    dir: PathBuf,
    port: u16,
    options: Vec<String>,
}

impl Server {
    /// Returns a server that listens. Without the program there is none, and the test is skipped, unless the environment
    /// variable `TRIPCOIL_NEED_REDIS` is set.
    pub(crate) fn start(options: &[&str]) -> Option<Server> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        if !Server::is_installed() {
            assert!(
                env::var_os("TRIPCOIL_NEED_REDIS").is_none(),
                "redis-server is not installed, and TRIPCOIL_NEED_REDIS is set"
            );
            eprintln!("skipped: redis-server is not installed");
            return None;
        }
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = env::temp_dir().join(format!("tripcoil-redis-{}-{number}", process::id()));
        fs::create_dir_all(&dir).expect("a temporary folder");
        let mut server = Server {
            child: None,
            dir,
            port: 0,
            options: options.iter().map(|&option| option.to_owned()).collect(),
        };
        loop {
            server.port = free_port();
            // another program may have taken it meanwhile
            if server.run() {
                return Some(server);
            }
        }
    }

    fn is_installed() -> bool {
        let version = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        match version {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => panic!("redis-server: {error}"),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `user` is `name:password@` or empty.
    pub(crate) fn url(&self, user: &str) -> String {
        format!("redis://{user}127.0.0.1:{}/", self.port)
    }

    /// Kills it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill");
            child.wait().expect("its end");
        }
    }

    /// Starts it again on the same port, empty.
    pub(crate) fn restart(&mut self) {
        // the port may be in use for a moment
        while !self.run() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it without its end: it answers nothing.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("the program kill").success());
    }

    /// Returns whether it listens; if not, it has ended.
    fn run(&mut self) -> bool {
        let log = self.dir.join("log");
        let _ = fs::remove_file(&log);
        let mut child = Command::new("redis-server")
            .args(["--port", &self.port.to_string()])
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(&self.dir)
            .arg("--logfile")
            .arg(&log)
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server");
        loop {
            // its own word: what answers at that port might be another test's server
            let text = fs::read_to_string(&log).unwrap_or_default();
            if text.contains("Ready to accept connections") {
                self.child = Some(child);
                return true;
            }
            if child.try_wait().expect("its state").is_some() {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
