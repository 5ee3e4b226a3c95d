//! Plain HTTP to servers of this machine.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// A client without encryption, for 127.0.0.1 only.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// A whole response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Default for Http {
    fn default() -> Self {
        // The emulator closes each connection after one answer.
        Self { client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http() }
    }
}

impl Http {
    /// Sends a request and reads the whole answer, whatever its status.
    pub(crate) async fn send(
        &self,
        server: SocketAddr,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response> {
        let uri = format!("http://{server}{path}");
        let mut request = Request::builder()
            .method(method)
            .uri(&uri)
            .body(Full::new(body))
            .with_context(|| format!("failed to write a request to `{uri}`"))?;
        *request.headers_mut() = headers;
        let response =
            self.client.request(request).await.with_context(|| format!("failed to send a request to `{uri}`"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.with_context(|| format!("failed to read the answer of `{uri}`"))?.to_bytes();
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }
}
