//! The accept loop: hyper on our own terms, because warp's server has no TLS, no time limits and no connection limit
//! (ENGINE.md §3, THREATS.md M11).

use super::{
    connection::{Phase, serve, until},
    crowd::{Crowd, Place},
    front_door::Door,
    peer::Connection,
    pulse::Waits,
    tls::{Tls, TlsError, TlsFiles},
    unix_socket,
};
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Where to listen.
#[derive(Clone, Debug)]
pub enum Listen {
    /// On a TCP address; port 0 takes a free one. Without TLS only loopback and trusted proxies are answered.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The certificate and key.
        tls: Option<TlsFiles>,
    },
    /// On a Unix socket, for this machine's administrators.
    Unix {
        /// The socket's file.
        path: PathBuf,
    },
}

/// Limits and times of a listener. [`Default`] is DESIGN.md §7.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The most connections in all; 4,096.
    pub connections: u32,
    /// The most connections from one address (IPv6: from one /64), trusted proxies exempt; 64. One more takes the place of the one
    /// that has been idle longest.
    pub connections_per_address: usize,
    /// For a request's head, and for the first byte of an HTTP/1 connection; 5 s.
    pub head_time: Duration,
    /// Between requests; 30 s.
    pub idle_time: Duration,
    /// For the other side to take more of an answer; 30 s.
    pub write_time: Duration,
    /// For the TLS handshake; 10 s.
    pub handshake_time: Duration,
    /// For requests under way when the server stops; 10 s.
    pub drain_time: Duration,
    /// How often the certificate files are looked at; 5 s.
    pub certificate_check: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 4096,
            connections_per_address: 64,
            head_time: seconds(5),
            idle_time: seconds(30),
            write_time: seconds(30),
            handshake_time: seconds(10),
            drain_time: seconds(10),
            certificate_check: seconds(5),
        }
    }
}

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken or not ours.
    #[error("cannot listen on {place}: {cause}")]
    Listen {
        /// The address or the socket's file.
        place: String,
        /// Why.
        cause: io::Error,
    },
    /// The certificate or the key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// One listener at work. Dropping it stops it at once; [`Self::shut_down`] lets it finish what it has begun.
pub struct Server {
    address: Option<SocketAddr>,
    socket: Option<PathBuf>,
    phase: watch::Sender<Phase>,
    crowd: Crowd,
    drain_time: Duration,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens, and answers through the door from now on. Must be called inside a tokio runtime.
    pub async fn bind(listen: Listen, settings: ServerSettings, door: Door) -> Result<Self, ServerError> {
        let (phase, watcher) = watch::channel(Phase::Serving);
        let crowd = Crowd::new(settings.connections, settings.connections_per_address, door.proxies().clone());
        let drain_time = settings.drain_time;
        let host = Host { settings, door, crowd: crowd.clone(), phase: watcher };
        let mut server = Self { address: None, socket: None, phase, crowd, drain_time, tasks: Vec::new() };
        match listen {
            Listen::Tcp { address, tls } => {
                let listener = TcpListener::bind(address).await;
                let cannot = |cause| ServerError::Listen { place: address.to_string(), cause };
                let listener = listener.map_err(cannot)?;
                let bound = listener.local_addr().map_err(cannot)?;
                let tls = tls.map(Tls::load).transpose()?.map(Arc::new);
                server.address = Some(bound);
                server.tasks.extend(tls.clone().map(|tls| tokio::spawn(watch_certificate(tls, host.settings.certificate_check))));
                server.tasks.push(tokio::spawn(host.accept_tcp(listener, tls, bound.ip().is_loopback())));
            }
            Listen::Unix { path } => {
                let cannot = |cause| ServerError::Listen { place: path.display().to_string(), cause };
                let listener = unix_socket::listen(&path).map_err(cannot)?;
                server.socket = Some(path);
                server.tasks.push(tokio::spawn(host.accept_unix(listener)));
            }
        }
        Ok(server)
    }
    /// The TCP address that it listens on.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }
    /// Accepts nothing more, lets what is under way finish within the drain time, and hangs up on the rest.
    pub async fn shut_down(self) {
        self.phase.send_replace(Phase::Draining);
        if !self.crowd.is_gone_within(self.drain_time).await {
            tracing::warn!("some connections did not finish in time; they were closed");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Closed);
        self.tasks.iter().for_each(JoinHandle::abort);
        if let Some(path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn watch_certificate(tls: Arc<Tls>, every: Duration) {
    loop {
        sleep(every).await;
        let tls = tls.clone();
        let _ = tokio::task::spawn_blocking(move || tls.reload()).await;
    }
}

/// What the accept loop and each of its connections need.
struct Host {
    settings: ServerSettings,
    door: Door,
    crowd: Crowd,
    phase: watch::Receiver<Phase>,
}

impl Host {
    async fn accept_tcp(mut self, listener: TcpListener, tls: Option<Arc<Tls>>, loopback_listener: bool) {
        while let Some(((stream, remote), room)) = self.next(|| listener.accept()).await {
            let Some(place) = self.crowd.place(room, remote.ip()) else { continue };
            let _ = stream.set_nodelay(true);
            let connection = Connection::Tcp { remote: remote.ip(), tls: tls.is_some(), loopback_listener };
            match &tls {
                None => self.spawn(stream, connection, false, place),
                Some(tls) => self.spawn_tls(stream, tls, connection, place),
            }
        }
    }

    async fn accept_unix(mut self, listener: UnixListener) {
        while let Some(((stream, _), room)) = self.next(|| listener.accept()).await {
            let Ok(uid) = stream.peer_cred().map(|peer| peer.uid()) else { continue };
            self.spawn::<UnixStream>(stream, Connection::Local { uid }, false, Crowd::local_place(room));
        }
    }

    /// The next connection and room for it; `None` when the server stops. A failed accept (no file descriptors left, a
    /// connection reset in the queue) costs a pause, never the loop.
    async fn next<T, F: Future<Output = io::Result<T>>>(&mut self, accept: impl Fn() -> F) -> Option<(T, super::crowd::Room)> {
        let mut pause = Duration::from_millis(5);
        let crowd = self.crowd.clone();
        loop {
            let accepted = tokio::select! {
                () = until(&mut self.phase, |phase| phase != Phase::Serving) => return None,
                accepted = async {
                    let room = crowd.room_for_one().await;
                    accept().await.map(|stream| (stream, room))
                } => accepted,
            };
            match accepted {
                Ok((stream, Some(room))) => return Some((stream, room)),
                Ok((_, None)) => return None,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    fn spawn_tls(&self, stream: TcpStream, tls: &Tls, connection: Connection, place: Place) {
        let handshake = timeout(self.settings.handshake_time, tls.acceptor().accept(stream));
        let (door, waits, mut phase) = (self.door.clone(), self.waits(), self.phase.clone());
        tokio::spawn(async move {
            let accepted = tokio::select! {
                () = until(&mut phase, |phase| phase != Phase::Serving) => return,
                accepted = handshake => accepted,
            };
            let Ok(Ok(stream)) = accepted else { return };
            let http_2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            serve(stream, connection, http_2, place.pulse(waits, http_2), door, phase).await;
            drop(place);
        });
    }

    fn spawn<S>(&self, stream: S, connection: Connection, http_2: bool, place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (door, waits, phase) = (self.door.clone(), self.waits(), self.phase.clone());
        tokio::spawn(async move {
            serve(stream, connection, http_2, place.pulse(waits, http_2), door, phase).await;
            drop(place);
        });
    }

    fn waits(&self) -> Waits {
        Waits { head: self.settings.head_time, idle: self.settings.idle_time, write: self.settings.write_time }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
