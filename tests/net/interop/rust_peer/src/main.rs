// SPDX-License-Identifier: Apache-2.0

//! The crate renetcode, as a server or a client of netcode over UDP; the other end of
//! netcode_peer.c, which says what both do.

use renetcode::{
    ClientAuthentication, ConnectToken, NetcodeClient, NetcodeServer, ServerAuthentication,
    ServerConfig, ServerResult, NETCODE_MAX_PACKET_BYTES,
};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PROTOCOL_ID: u64 = 0x1122334455667788;
const STEP: Duration = Duration::from_millis(4);
const TIME_MAX: Duration = Duration::from_secs(10);
const PAYLOAD_COUNT: u32 = 400;
const ENOUGH_COUNT: u32 = 50;

#[derive(Default)]
struct Counts {
    sent: u32,
    good: u32,
    bad: u32,
}

impl Counts {
    fn take(&mut self, payload: &[u8]) {
        let length = payload.len();
        let is_good = payload.iter().enumerate().all(|(i, byte)| *byte == (i + length) as u8);
        self.good += is_good as u32;
        self.bad += !is_good as u32;
    }

    fn next(&mut self) -> Vec<u8> {
        let length = 1 + (self.sent * 37 % 1200) as usize;
        self.sent += 1;
        (0..length).map(|i| (i + length) as u8).collect()
    }
}

fn private_key() -> [u8; 32] {
    std::array::from_fn(|i| (i * 7 + 1) as u8)
}

fn open(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).expect("a socket");
    socket.set_nonblocking(true).expect("a socket that does not block");
    socket
}

// Returns whether the client has said goodbye.
fn run_server(address: SocketAddr, now: Duration, counts: &mut Counts) -> bool {
    let mut server = NetcodeServer::new(ServerConfig {
        current_time: now,
        max_clients: 4,
        protocol_id: PROTOCOL_ID,
        public_addresses: vec![address],
        authentication: ServerAuthentication::Secure { private_key: private_key() },
    });
    let socket = open(&address.to_string());
    let mut bytes = [0u8; NETCODE_MAX_PACKET_BYTES];
    let start = Instant::now();
    let mut last = start;
    let mut has_left = false;
    while start.elapsed() < TIME_MAX && !has_left {
        server.update(last.elapsed());
        last = Instant::now();
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            match server.process_packet(from, &mut bytes[..length]) {
                ServerResult::Payload { payload, .. } => counts.take(payload),
                ServerResult::PacketToSend { payload, addr }
                | ServerResult::ClientConnected { payload, addr, .. } => {
                    let _ = socket.send_to(payload, addr);
                }
                ServerResult::ClientDisconnected { .. } => has_left = true,
                ServerResult::None => {}
            }
        }
        for id in server.clients_id() {
            if counts.good > 0 {
                if let Ok((addr, packet)) = server.generate_payload_packet(id, &counts.next()) {
                    let _ = socket.send_to(packet, addr);
                }
            }
            if let ServerResult::PacketToSend { payload, addr } = server.update_client(id) {
                let _ = socket.send_to(payload, addr);
            }
        }
        std::thread::sleep(STEP);
    }
    has_left
}

fn run_client(address: SocketAddr, now: Duration, counts: &mut Counts) {
    let client_id = now.as_micros() as u64;
    let servers = vec![address];
    let key = private_key();
    let token = ConnectToken::generate(now, PROTOCOL_ID, 30, client_id, 5, servers, None, &key)
        .expect("a token");
    let authentication = ClientAuthentication::Secure { connect_token: token };
    let mut client = NetcodeClient::new(now, authentication).expect("a client");
    let socket = open("127.0.0.1:0");
    let mut bytes = [0u8; NETCODE_MAX_PACKET_BYTES];
    let start = Instant::now();
    let mut last = start;
    while start.elapsed() < TIME_MAX && counts.good < PAYLOAD_COUNT {
        while let Ok((length, _)) = socket.recv_from(&mut bytes) {
            if let Some(payload) = client.process_packet(&mut bytes[..length]) {
                counts.take(payload);
            }
        }
        if let Some((packet, addr)) = client.update(last.elapsed()) {
            let _ = socket.send_to(packet, addr);
        }
        last = Instant::now();
        if client.is_connected() {
            if let Ok((addr, packet)) = client.generate_payload_packet(&counts.next()) {
                let _ = socket.send_to(packet, addr);
            }
        }
        std::thread::sleep(STEP);
    }
    for _ in 0..5 {
        if let Ok((addr, packet)) = client.disconnect() {
            let _ = socket.send_to(packet, addr);
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let address: SocketAddr = arguments[2].parse().expect("ADDRESS:PORT");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    let mut counts = Counts::default();
    let mut is_over = true;
    if arguments[1] == "server" {
        is_over = run_server(address, now, &mut counts);
    } else {
        run_client(address, now, &mut counts);
    }
    println!(
        "renetcode, {}: {} payloads sent, {} good and {} bad ones received{}",
        arguments[1],
        counts.sent,
        counts.good,
        counts.bad,
        if is_over { "" } else { ", nobody said goodbye" }
    );
    let is_enough = counts.good >= ENOUGH_COUNT && counts.bad == 0;
    std::process::exit(if is_enough && is_over { 0 } else { 1 });
}
