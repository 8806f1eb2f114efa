//! Little proxies for tests: CONNECT (and plain requests) over HTTP, and SOCKS5, with credentials. They count.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http,
    Socks5,
}

/// What a proxy saw.
#[derive(Default)]
pub(crate) struct Saw {
    /// Where clients wanted to go, in their words.
    pub(crate) targets: Mutex<Vec<String>>,
    /// Requests refused, by credentials or by order.
    pub(crate) refused: AtomicU64,
    /// Bytes passed, both ways, each before it goes on.
    pub(crate) bytes: AtomicU64,
}

/// A proxy on loopback. It ends when it is dropped; tunnels that stand go on.
pub(crate) struct LittleProxy {
    pub(crate) at: SocketAddr,
    pub(crate) saw: Arc<Saw>,
    task: AbortHandle,
}

impl LittleProxy {
    /// Starts one. With credentials it takes nobody who has others.
    pub(crate) async fn start(speaks: Speaks, credentials: Option<(&str, &str)>) -> Self {
        Self::start_with(speaks, credentials, true).await
    }

    /// ... or one that refuses every target.
    pub(crate) async fn start_with(speaks: Speaks, credentials: Option<(&str, &str)>, serves: bool) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), speaks, credentials, serves)
    }

    /// ... or one at an address of its own, which serves everyone.
    pub(crate) async fn start_at(at: SocketAddr, speaks: Speaks) -> Self {
        Self::serve(TcpListener::bind(at).await.unwrap(), speaks, None, true)
    }

    fn serve(listener: TcpListener, speaks: Speaks, credentials: Option<(&str, &str)>, serves: bool) -> Self {
        let (at, saw) = (listener.local_addr().unwrap(), Arc::<Saw>::default());
        let credentials = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let serve = Arc::new(Serve { speaks, credentials, serves, saw: Arc::clone(&saw) });
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let serve = Arc::clone(&serve);
                tokio::spawn(async move {
                    // A client that goes away is not the proxy's trouble.
                    let _ = serve.client(client).await;
                });
            }
        });
        Self { at, saw, task: task.abort_handle() }
    }

    /// How many tunnels it made.
    pub(crate) fn tunnels(&self) -> usize {
        self.saw.targets.lock().unwrap().len()
    }
}

impl Drop for LittleProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Serve {
    speaks: Speaks,
    credentials: Option<(String, String)>,
    serves: bool,
    saw: Arc<Saw>,
}

impl Serve {
    async fn client(&self, mut client: TcpStream) -> io::Result<()> {
        match self.speaks {
            Speaks::Http => self.http(&mut client).await,
            Speaks::Socks5 => self.socks(&mut client).await,
        }
    }

    async fn pass(&self, client: &mut TcpStream, target: &str, first: &[u8]) -> io::Result<()> {
        let mut server = TcpStream::connect(target).await?;
        let count = |bytes: &[u8]| self.saw.bytes.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        count(first);
        server.write_all(first).await?;
        let (mut a, mut b) = (vec![0; 16_384], vec![0; 16_384]);
        loop {
            tokio::select! {
                n = client.read(&mut a) => match n {
                    Ok(0) | Err(_) => return Ok(()),
                    Ok(n) => { count(&a[..n]); server.write_all(&a[..n]).await?; }
                },
                n = server.read(&mut b) => match n {
                    Ok(0) | Err(_) => return Ok(()),
                    Ok(n) => { count(&b[..n]); client.write_all(&b[..n]).await?; }
                },
            }
        }
    }

    fn refuse(&self) {
        self.saw.refused.fetch_add(1, Ordering::SeqCst);
    }

    async fn http(&self, client: &mut TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut words = text.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let basic = self.credentials.as_ref().map(|(user, password)| {
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
        });
        let header = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
        });
        if header != basic {
            self.refuse();
            return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").await;
        }
        if !self.serves {
            self.refuse();
            return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
        }
        if method == "CONNECT" {
            self.saw.targets.lock().unwrap().push(target.clone());
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            return self.pass(client, &target, b"").await;
        }
        let authority = target.split('/').nth(2).unwrap_or_default().to_owned();
        self.saw.targets.lock().unwrap().push(authority.clone());
        self.pass(client, &authority, &head).await
    }

    async fn socks(&self, client: &mut TcpStream) -> io::Result<()> {
        let mut greeting = [0; 2];
        client.read_exact(&mut greeting).await?;
        let mut methods = vec![0; greeting[1].into()];
        client.read_exact(&mut methods).await?;
        let method = if self.credentials.is_some() { 2 } else { 0 };
        if !methods.contains(&method) {
            self.refuse();
            return client.write_all(&[5, 0xff]).await;
        }
        client.write_all(&[5, method]).await?;
        if let Some((user, password)) = &self.credentials {
            let _version = client.read_u8().await?;
            let got = (Self::field(client).await?, Self::field(client).await?);
            let wrong = got != (user.clone(), password.clone());
            client.write_all(&[1, u8::from(wrong)]).await?;
            if wrong {
                self.refuse();
                return Ok(());
            }
        }
        let mut request = [0; 4];
        client.read_exact(&mut request).await?;
        let host = match request[3] {
            1 => std::net::Ipv4Addr::from_bits(client.read_u32().await?).to_string(),
            3 => Self::field(client).await?,
            _ => format!("[{}]", std::net::Ipv6Addr::from_bits(client.read_u128().await?)),
        };
        let target = format!("{host}:{}", client.read_u16().await?);
        if !self.serves {
            self.refuse();
            return client.write_all(&[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]).await;
        }
        self.saw.targets.lock().unwrap().push(target.clone());
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        self.pass(client, &target, b"").await
    }

    async fn field(client: &mut TcpStream) -> io::Result<String> {
        let mut text = vec![0; client.read_u8().await?.into()];
        client.read_exact(&mut text).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
