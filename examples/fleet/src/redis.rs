//! A Redis server of the run's own, on a free port, which can be killed and started again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// As long as it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// It ends when this is dropped, and its folder goes.
pub(crate) struct Redis {
    server: Child,
    folder: TempDir,
    port: u16,
}

impl Redis {
    pub(crate) async fn start() -> io::Result<Redis> {
        let folder = tempfile::tempdir()?;
        let mut tries = 0;
        loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
                .local_addr()?
                .port();
            match serve(&folder, port).await {
                Ok(server) => {
                    return Ok(Redis {
                        server,
                        folder,
                        port,
                    });
                }
                // another program may have taken the port
                Err(_) if tries < 2 => tries += 1,
                Err(wrong) => return Err(wrong),
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it: what it knew is lost.
    pub(crate) async fn kill(&mut self) -> io::Result<()> {
        self.server.kill().await
    }

    /// Starts it again, empty, on the same port.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        self.server = serve(&self.folder, self.port).await?;
        Ok(())
    }
}

/// Starts a server, and waits until it answers.
async fn serve(folder: &TempDir, port: u16) -> io::Result<Child> {
    let mut server = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|wrong| {
            let how = "Debian has it in the package redis-server";
            io::Error::new(wrong.kind(), format!("redis-server: {wrong}; {how}"))
        })?;
    let begun = Instant::now();
    while !answers(port).await {
        if let Some(status) = server.try_wait()? {
            return Err(io::Error::other(format!("redis-server: {status}")));
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other("redis-server does not answer"));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(server)
}

async fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ping = async {
        let mut server = TcpStream::connect(address).await?;
        server.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        server.read_exact(&mut answer).await?;
        io::Result::Ok(answer == *b"+PONG\r\n")
    };
    matches!(timeout(Duration::from_secs(1), ping).await, Ok(Ok(true)))
}
