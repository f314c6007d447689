//! One address for several processes of a service: a deployment has one URI.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A proxy on loopback that gives each new connection to the next service address that takes it.
///
/// It balances connections, not requests: the server sends many requests over one. It ends with its connections when it
/// is dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    services: Arc<Services>,
    accepting: AbortHandle,
}

#[derive(Debug, Default)]
struct Services {
    /// The next to be tried is first.
    queue: Mutex<Vec<SocketAddr>>,
}

impl Balancer {
    /// Starts one that has no service yet: it closes each connection.
    ///
    /// # Errors
    ///
    /// If there is no port on loopback.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let services = Arc::new(Services::default());
        let accepting = tokio::spawn(accept(listener, services.clone())).abort_handle();
        Ok(Self { address, services, accepting })
    }

    /// What is registered as the service's address.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives connections to this address too.
    pub fn add(&self, service: SocketAddr) {
        self.services.queue().push(service);
    }

    /// Gives no more connections to this address. Those it has go on.
    pub fn remove(&self, service: SocketAddr) {
        self.services.queue().retain(|other| *other != service);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Services {
    fn queue(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All addresses, in the order they are to be tried in. The next caller is given another first.
    fn turn(&self) -> Vec<SocketAddr> {
        let mut queue = self.queue();
        let turn = queue.clone();
        if !queue.is_empty() {
            queue.rotate_left(1);
        }
        turn
    }

    async fn connect(&self) -> Option<TcpStream> {
        for service in self.turn() {
            if let Ok(stream) = TcpStream::connect(service).await {
                return Some(stream);
            }
        }
        None
    }
}

async fn accept(listener: TcpListener, services: Arc<Services>) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((mut client, _)) = listener.accept() => {
                let services = services.clone();
                connections.spawn(async move {
                    if let Some(mut service) = services.connect().await {
                        // Else each small answer waits 40 ms for the last to be acknowledged.
                        let _ = (client.set_nodelay(true), service.set_nodelay(true));
                        // A side that breaks off ends the other: there is nobody to tell.
                        let _ = copy_bidirectional(&mut client, &mut service).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A service that says its name to each connection.
    async fn service(name: &'static str) -> (SocketAddr, AbortHandle) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            loop {
                listener.accept().await.unwrap().0.write_all(name.as_bytes()).await.unwrap();
            }
        });
        (address, serving.abort_handle())
    }

    /// What so many connections are told, one after the other.
    async fn told(balancer: &Balancer, connections: usize) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..connections {
            let mut said = String::new();
            let mut stream = TcpStream::connect(balancer.address).await.unwrap();
            stream.read_to_string(&mut said).await.unwrap();
            told.push(said);
        }
        told
    }

    #[tokio::test]
    async fn connections_go_round_those_that_take_them() {
        let balancer = Balancer::start().await.unwrap();
        assert_eq!(told(&balancer, 1).await, [""]);
        let ((a, _), (b, of_b)) = (service("a").await, service("b").await);
        balancer.add(a);
        balancer.add(b);
        assert_eq!(told(&balancer, 4).await, ["a", "b", "a", "b"]);
        of_b.abort();
        while TcpStream::connect(b).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(told(&balancer, 3).await, ["a", "a", "a"]);
        balancer.remove(a);
        assert_eq!(told(&balancer, 1).await, [""]);
    }
}
