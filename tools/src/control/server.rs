//! The accept loop: hyper-util around `warp::service`, as Writ's, without limits and times.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, routes: BoxedFilter<(Response,)>) {
    let service = TowerToHyperService::new(warp::service(routes));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Without it answers wait for acknowledgements; it cannot fail on a socket that is there.
        let _ = stream.set_nodelay(true);
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connection);
    }
}
