//! The server to compare with: axum, reading the body and answering the number of bytes in the path.

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    routing::{any, get},
};

pub fn serve() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        // As long as the longest answer that is compared.
        let filler = Bytes::from(vec![0; 65 << 20]);
        let app = Router::new()
            .route("/{size}", any(move |Path(size): Path<usize>, _body: Bytes| async move { filler.slice(..size) }))
            .route("/", get(|| async { "" }))
            .layer(axum::extract::DefaultBodyLimit::disable());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        println!("listens on {}", listener.local_addr().expect("an address"));
        // Nagle's algorithm off, as in the server under test.
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, app).await.expect("the bare server serves");
    });
}
