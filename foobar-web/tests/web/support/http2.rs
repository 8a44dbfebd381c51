//! A client that speaks HTTP/2 by prior knowledge, and frames for those that speak it badly.

#![expect(clippy::unwrap_used, reason = "a failure here is one of the test that asks")]

use std::future::poll_fn;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Waker};
use std::thread;

use bytes::Bytes;
use foobar_web::{Address, WebTier};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use rustls::ClientConfig;
use tokio::runtime::{self, Runtime};

use super::{PATIENCE, Server, gateway};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose other end is driven by a thread of its own.
pub(crate) struct Http2Client {
    pub(crate) requests: SendRequest<Bytes>,
    runtime: Runtime,
    ended: Receiver<Option<Reason>>,
}

/// A stream: the answer, if it has come, and what of it has come.
pub(crate) struct Http2Stream {
    answer: ResponseFuture,
    body: Option<RecvStream>,
    pub(crate) got: usize,
    end: Option<Result<(), Reason>>,
    pub(crate) sending: SendStream<Bytes>,
}

fn runtime() -> Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Server {
    /// A TCP connection to the first address that does not speak TLS.
    pub(crate) fn plain_socket(&self) -> TcpStream {
        let tcp = |address| if let Address::Tcp(address) = address { Some(address) } else { None };
        let address = self.web.addresses().into_iter().find_map(tcp).unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// A client with these settings.
    pub(crate) fn http2(&self, settings: impl FnOnce(&mut Builder) + Send + 'static) -> Http2Client {
        Http2Client::over(self.plain_socket(), settings)
    }

    /// A client over TLS that asks for this name.
    pub(crate) fn http2_over_tls(&self, config: &ClientConfig, name: &str) -> Http2Client {
        let mut config = config.clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (session, server) = self.connect_tls(&Arc::new(config), name).unwrap().stream.into_inner().into_parts();
        assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
        let (client, accepted) = gateway::pair();
        thread::spawn(move || gateway::carry(accepted, server, session));
        Http2Client::over(client, |_| {})
    }
}

impl Http2Client {
    fn over(socket: TcpStream, settings: impl FnOnce(&mut Builder) + Send + 'static) -> Self {
        let ((send_requests, requests), (send_end, ended)) = (channel(), channel());
        thread::spawn(move || {
            runtime().block_on(async move {
                socket.set_nonblocking(true).unwrap();
                let socket = tokio::net::TcpStream::from_std(socket).unwrap();
                let mut builder = Builder::new();
                settings(&mut builder);
                let (requests, connection) = builder.handshake(socket).await.unwrap();
                send_requests.send(requests).unwrap();
                let end = connection.await.err().and_then(|error| error.reason());
                _ = send_end.send(end); // the test may be over
            });
        });
        Self { requests: requests.recv_timeout(PATIENCE).unwrap(), runtime: runtime(), ended }
    }

    /// Begins a request.
    pub(crate) fn open(&mut self, request: Request<()>, end: bool) -> Http2Stream {
        let requests = self.requests.clone();
        let mut requests = self.runtime.block_on(requests.ready()).unwrap();
        let (answer, sending) = requests.send_request(request, end).unwrap();
        Http2Stream { answer, body: None, got: 0, end: None, sending }
    }

    /// The answer to a request without content.
    pub(crate) fn ask(&mut self, request: Request<()>) -> Result<Response<Vec<u8>>, h2::Error> {
        let stream = self.open(request, true);
        self.answer(stream)
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Response<Vec<u8>>, h2::Error> {
        self.ask(get(path))
    }

    /// Waits for the whole answer.
    pub(crate) fn answer(&mut self, stream: Http2Stream) -> Result<Response<Vec<u8>>, h2::Error> {
        self.runtime.block_on(async {
            let (parts, mut body) = stream.answer.await?.into_parts();
            let mut content = Vec::new();
            while let Some(data) = body.data().await {
                let data = data?;
                content.extend_from_slice(&data);
                body.flow_control().release_capacity(data.len())?;
            }
            Ok(Response::from_parts(parts, content))
        })
    }

    /// Waits for the next interim response; `None` where the answer comes.
    pub(crate) fn interim(&mut self, stream: &mut Http2Stream) -> Option<Response<()>> {
        self.runtime.block_on(poll_fn(|cx| stream.answer.poll_informational(cx))).transpose().unwrap()
    }

    /// The reason of the connection's end, if it has ended.
    pub(crate) fn end(&self) -> Option<Option<Reason>> {
        self.ended.try_recv().ok()
    }

    /// Waits for the connection's end.
    pub(crate) fn wait_for_end(&self) -> Option<Reason> {
        self.ended.recv_timeout(PATIENCE).unwrap()
    }
}

impl Http2Stream {
    /// How it ended, if it has: with the reason of a reset. Takes what has come and gives no room for more.
    pub(crate) fn end(&mut self) -> Option<Result<(), Reason>> {
        if self.end.is_none() {
            self.end = self.take();
        }
        self.end
    }

    /// Lets as much more come as has come.
    pub(crate) fn give_room(&mut self) {
        if let Some(body) = &mut self.body {
            let flow = body.flow_control();
            flow.release_capacity(flow.used_capacity()).unwrap();
        }
    }

    /// The status of the answer, if that has begun.
    pub(crate) fn status(&mut self) -> Option<u16> {
        let mut cx = Context::from_waker(Waker::noop());
        match std::pin::Pin::new(&mut self.answer).poll(&mut cx) {
            Poll::Ready(answer) => Some(answer.unwrap().status().as_u16()),
            Poll::Pending => None,
        }
    }

    fn take(&mut self) -> Option<Result<(), Reason>> {
        let mut cx = Context::from_waker(Waker::noop());
        if self.body.is_none() {
            match std::pin::Pin::new(&mut self.answer).poll(&mut cx) {
                Poll::Pending => return None,
                Poll::Ready(Err(error)) => return error.reason().map(Err),
                Poll::Ready(Ok(response)) => self.body = Some(response.into_body()),
            }
        }
        let body = self.body.as_mut()?;
        loop {
            match body.poll_data(&mut cx) {
                Poll::Ready(Some(Ok(data))) => self.got += data.len(),
                Poll::Ready(Some(Err(error))) => return error.reason().map(Err),
                Poll::Ready(None) => return Some(Ok(())),
                Poll::Pending => return None,
            }
        }
    }
}

pub(crate) fn get(path: &str) -> Request<()> {
    Request::get(format!("http://a.test{path}")).body(()).unwrap()
}

/// A frame in its bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let header = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&header[..], payload].concat()
}
