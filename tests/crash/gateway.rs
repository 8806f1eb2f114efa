//! The process that is killed.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{self, World};

/// Longest time for a start, with its store to recover and its links to make.
const START: Duration = Duration::from_secs(60);

/// A running `wasup serve`. Dropped, it is killed.
pub(crate) struct Gateway {
    child: Child,
}

/// A `wasup serve` over a folder.
pub(crate) fn command(folder: &Path, address: SocketAddr) -> Command {
    let mut command = wasup(folder, address);
    command.arg("serve");
    command
}

/// The program over a folder that nothing in the environment or the folder's parents can influence.
pub(crate) fn wasup(folder: &Path, address: SocketAddr) -> Command {
    let set = |name: &str, value: &str| (format!("WASUP__{name}"), value.to_owned());
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasup"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs([
        set("SERVER__LISTEN", &address.to_string()),
        set("SERVER__API_KEY", world::KEY),
        set("SERVER__DRAIN_DELAY", "0s"),
        set("DATA__DIR", &folder.join("data").display().to_string()),
        set("DATA__BACKUPS", &folder.join("backups").display().to_string()),
        set("DATA__FREE_SPACE_FLOOR", "16 MiB"),
        set("QR__PRINT_IN_TERMINAL", "false"),
        set("LOG__LEVEL", "info"),
    ]);
    command
}

impl Gateway {
    /// Starts a process over the world's folder, network and receiver.
    pub(crate) fn start(world: &World) -> Self {
        Self::start_with(world, |_| {})
    }

    /// ... told more by its environment.
    pub(crate) fn start_with(world: &World, tell: impl FnOnce(&mut Command)) -> Self {
        let log = File::options().create(true).append(true).open(world.folder.path().join("log")).unwrap();
        let accounts = world.folder.path().join("accounts.toml").display().to_string();
        let mut command = command(world.folder.path(), world.address);
        command
            .env("WASUP__ACCOUNTS__FILE", accounts)
            .env("WASUP__LINK__URL", world.network.url())
            .env("WASUP__SEND__ACK_TIMEOUT", "2s")
            .env("WASUP__WEBHOOKS__TIMEOUT", "3s")
            .env("WASUP__WEBHOOKS__LEASE_MARGIN", "1s")
            .env("WASUP__WEBHOOKS__SCHEDULE", r#"["0s","100ms","200ms","500ms","1s","1s","1s","2s","2s","5s"]"#)
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        tell(&mut command);
        Self { child: command.spawn().unwrap() }
    }

    /// Waits until the process says that it is ready.
    pub(crate) async fn wait_ready(&mut self, world: &World) {
        let begun = Instant::now();
        while !world.api.is_ready().await {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the gateway ended by itself: {status}\n{}", world.log());
            }
            assert!(begun.elapsed() < START, "the gateway is not ready in time\n{}", world.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the gateway ended by itself: {status}");
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
