//! Two servers in one process, inside a `main` of your own, on ports that the system chooses.
//!
//! Run with: cargo run --example embed

use std::error::Error;

use foobar::tiers::Address;
use foobar::{App, Running, Server, StartError, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = [start("Alice").await?, start("Bob").await?];
    for address in servers.iter().flat_map(Running::addresses) {
        println!("{address} answers: {}", get(&address).await?);
    }
    for server in servers {
        server.stop().await;
    }
    Ok(())
}

async fn start(name: &'static str) -> Result<Running, StartError> {
    Server::new()
        .set("web.listen", "127.0.0.1:0")
        .set("web.access_log", "off")
        .set("admin.listen", "off")
        .app(Greeter(name))
        .start()
        .await
}

struct Greeter(&'static str);

impl App for Greeter {
    fn routes(&self, routes: &mut web::ServiceConfig) {
        let name = self.0;
        routes.route("/", web::get().to(move || async move { format!("I am {name}") }));
    }
}

async fn get(address: &Address) -> std::io::Result<String> {
    let host = address.to_string().replace("http://", "");
    let mut stream = TcpStream::connect(&host).await?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response.lines().last().map(str::to_owned).unwrap_or_default()) // an empty answer has no last line
}
