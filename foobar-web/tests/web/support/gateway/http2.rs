//! Requests of HTTP/1 as those of HTTP/2, and the answers back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Sender;

use bytes::Bytes;
use h2::client::{SendRequest, handshake};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode, Uri};
use tokio::runtime::{Builder, Runtime};

/// A request as HTTP/1 says it.
struct Head {
    method: Method,
    target: String,
    headers: HeaderMap,
}

/// Answers one request after the other.
pub(super) fn serve(client: TcpStream, server: TcpStream, greets: Sender<()>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let requests = runtime.block_on(async {
        server.set_nonblocking(true).expect("it is a socket");
        let server = tokio::net::TcpStream::from_std(server).expect("it is a socket");
        let (requests, connection) = handshake(server).await.expect("the server speaks HTTP/2");
        tokio::spawn(connection);
        requests
    });
    drop(greets);
    let mut client = BufReader::new(client);
    let end = loop {
        match exchange(&runtime, &requests, &mut client) {
            Ok(true) => {}
            end => break end,
        }
    };
    if let Err(error) = end {
        println!("the gateway gives up: {error}"); // as some tests want it
    }
    _ = client.get_ref().shutdown(Shutdown::Both); // it may have gone
}

/// One request and its answer; whether another may follow.
fn exchange(runtime: &Runtime, requests: &SendRequest<Bytes>, client: &mut BufReader<TcpStream>) -> io::Result<bool> {
    let Some(head) = head(client)? else { return Ok(false) };
    let content = content(client, &head.headers)?;
    let has_content = head.headers.contains_key(CONTENT_LENGTH) || !content.is_empty();
    let closes = head.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    let is_head = head.method == Method::HEAD;
    let answer = runtime.block_on(answer(requests.clone(), head, content)).map_err(io::Error::other)?;
    let closes = closes || answer.status() == StatusCode::PAYLOAD_TOO_LARGE && has_content; // as HTTP/1 does
    client.get_mut().write_all(&render(answer, is_head, closes))?;
    Ok(!closes)
}

/// Content beyond this is announced and not sent.
const LARGEST: u64 = 4 << 20;

fn line(client: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    client.read_until(b'\n', &mut line)?;
    Ok(line.trim_ascii_end().to_vec())
}

fn head(client: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let first = String::from_utf8_lossy(&line(client)?).into_owned();
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = HeaderMap::new();
    loop {
        let line = line(client)?;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let name = HeaderName::from_bytes(&line[..colon]).map_err(io::Error::other)?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(io::Error::other)?);
    }
    let method = method.parse().map_err(io::Error::other)?;
    Ok(Some(Head { method, target: target.to_owned(), headers }))
}

fn content(client: &mut BufReader<TcpStream>, headers: &HeaderMap) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if headers.contains_key(TRANSFER_ENCODING) {
        loop {
            let size = String::from_utf8_lossy(&line(client)?).into_owned();
            let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
            client.by_ref().take(size).read_to_end(&mut content)?;
            line(client)?;
            if size == 0 {
                return Ok(content);
            }
        }
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.filter(|length| *length <= LARGEST);
    client.by_ref().take(length.unwrap_or(0)).read_to_end(&mut content)?; // a request without has none
    Ok(content)
}

async fn answer(
    requests: SendRequest<Bytes>,
    head: Head,
    content: Vec<u8>,
) -> Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    let Head { method, target, mut headers } = head;
    let host = headers.remove(HOST).ok_or("a request has a host")?;
    let uri = Uri::builder().scheme("http").authority(host.as_bytes()).path_and_query(target).build()?;
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    let ends = content.is_empty() && headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    let mut request = Request::builder().method(method).uri(uri).body(())?;
    *request.headers_mut() = headers;
    let (answer, mut stream) = requests.ready().await?.send_request(request, ends)?;
    if !content.is_empty() {
        stream.send_data(content.into(), true)?; // waits there for room
    }
    let (parts, mut body) = answer.await?.into_parts();
    let mut content = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        content.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(Response::from_parts(parts, content))
}

/// As HTTP/1 says it.
fn render(answer: Response<Vec<u8>>, is_head: bool, closes: bool) -> Vec<u8> {
    let (parts, content) = answer.into_parts();
    let mut bytes = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let is_empty = is_head || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if !parts.headers.contains_key(CONTENT_LENGTH) && !is_empty {
        bytes.extend(format!("content-length: {}\r\n", content.len()).into_bytes());
    }
    if closes {
        bytes.extend(b"connection: close\r\n");
    }
    [&bytes, &b"\r\n"[..], &content].concat()
}
