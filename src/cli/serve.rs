//! `wasup serve`.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, OnceLock};

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use wasup_actors::QrListener;

use super::signals::{StopSignals, hangups};
use super::{ConfigArgs, Exit, Failure};
use crate::api::terminal;
use crate::api_key::ApiKey;
use crate::config::{Config, Loaded};
use crate::declared::Reloader;
use crate::gateway::{Extras, Gateway};
use crate::telemetry::{Logs, LogsEnd};

const SYSTEM: &str = "The system is out of resources, or this is a bug.";

pub(super) fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    let loaded = args.load()?;
    // Dropped last: until then lines may come.
    let (logs, _end) = start_logs(&loaded.config)?;
    for warning in &loaded.warnings {
        tracing::warn!(key = warning.key, "{}", warning.what);
    }
    banner();
    let runtime = runtime()?;
    let outcome = runtime.block_on(serve(loaded, logs.clone(), args.clone()));
    // A blocking call that hangs must not keep the process; everything that matters was closed before.
    runtime.shutdown_background();
    if logs.lost() > 0 {
        tracing::warn!(lines = logs.lost(), "log lines did not reach their files: the disk was full, or too slow");
    }
    outcome
}

pub(super) fn start_logs(config: &Config) -> Result<(Logs, LogsEnd), Failure> {
    let hint = "See log.level and log.files in config/default.toml.";
    Logs::start(&config.log).map_err(|error| Failure::new(Exit::BadConfig, &error, hint))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::new(Exit::Unexpected, &error, SYSTEM))
}

async fn serve(loaded: Loaded, logs: Logs, args: ConfigArgs) -> Result<Exit, Failure> {
    let config = loaded.config;
    let unexpected = |error: std::io::Error| Failure::new(Exit::Unexpected, &error, SYSTEM);
    let mut signals = StopSignals::listen().map_err(unexpected)?;
    let reloader = Arc::new(OnceLock::new());
    reload_on_hangup(logs.clone(), args, Arc::clone(&reloader)).map_err(unexpected)?;
    let listener = bind(&config).await?;
    let extras = Extras { qr_shown: terminal_qr(&config), logs: Some(logs) };
    // Opening a large store takes its time; a signal must end it all the same.
    let gateway = tokio::select! {
        started = Gateway::start(&config, listener, extras) => started?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    let _ = reloader.set(gateway.reloader().clone());
    tell_key(&gateway.api_key);
    tokio::select! {
        () = signals.next() => {}
        // Nothing can be written any more, or nobody supervises: an orderly stop would only take time.
        breakdown = gateway.broken() => return Err(breakdown.into()),
    }
    tokio::select! {
        _ = gateway.stop() => Ok(Exit::Ok),
        () = signals.next() => Ok(Exit::Interrupted),
    }
}

async fn bind(config: &Config) -> Result<TcpListener, Failure> {
    let listen = config.server.listen;
    TcpListener::bind(listen).await.map_err(|error| Failure {
        exit: Exit::PortInUse,
        what: format!("can't listen on {listen}: {error}"),
        hint: "Another process may have the port; set server.listen to a free one (WASUP__SERVER__LISTEN).",
    })
}

/// A sandbox build can't be taken for the real one.
pub(super) fn banner() {
    if cfg!(feature = "sandbox") {
        let text = "This is a SANDBOX build: it does not check the network's certificates, and connects the WhatsApp \
                    link to loopback addresses only. Never link a real phone with it.";
        // With standard error closed there is nobody to tell; the log says it too.
        let _ = writeln!(std::io::stderr(), "wasup: {text}");
        tracing::warn!("sandbox build: the WhatsApp link connects to loopback addresses only");
    }
}

/// Shows a key that was made just now. It is shown this once.
fn tell_key(key: &ApiKey) {
    if let Some(path) = &key.made {
        let key = key.key.expose_secret();
        let text = format!("API key (made now, kept in {}): {key}", path.display());
        // It is in the file, too.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// Draws QR codes, where somebody can see them.
fn terminal_qr(config: &Config) -> Option<QrListener> {
    if !config.qr.print_in_terminal || !std::io::stdout().is_terminal() {
        return None;
    }
    Some(Arc::new(|account, code| {
        if let Ok(blocks) = terminal(&code.0) {
            let head = format!("Scan with the phone of {account} (WhatsApp, Linked devices, Link a device):");
            let _ = writeln!(std::io::stdout(), "{head}\n{blocks}");
        }
    }))
}

/// SIGHUP: the log's level, and the accounts file.
fn reload_on_hangup(logs: Logs, args: ConfigArgs, reloader: Arc<OnceLock<Reloader>>) -> std::io::Result<()> {
    let mut hangups = hangups()?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            reload_level(&logs, &args);
            if let Some(reloader) = reloader.get().filter(|reloader| reloader.has_file()) {
                // It tells by itself what came of it.
                let _ = reloader.reload("sighup").await;
            }
        }
    });
    Ok(())
}

fn reload_level(logs: &Logs, args: &ConfigArgs) {
    match args.load() {
        Ok(loaded) => match logs.set_level(&loaded.config.log.level) {
            Ok(()) => tracing::info!(filter = loaded.config.log.level, "the log's level was read again"),
            Err(error) => tracing::warn!(%error, "the log's level stays"),
        },
        Err(failure) => tracing::warn!(what = failure.what, "the config is wrong, the log's level stays"),
    }
}
