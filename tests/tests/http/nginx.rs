//! Debian's nginx over the same files, as the control.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use harness::{PATIENCE, free_port};

/// A running nginx. Dropping it kills the process by its id.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Serves `folder/site` on a free port; its other files stay in `folder`, too.
    pub(crate) fn start(folder: &Path) -> Self {
        // nginx cannot say which port 0 became.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let here = folder.display();
        // One process: a master's worker would survive the kill.
        let configuration = format!(
            "daemon off; master_process off; pid {here}/nginx.pid; error_log /dev/null;
             events {{ worker_connections 256; }}
             http {{ access_log off; client_body_temp_path {here}; proxy_temp_path {here};
               fastcgi_temp_path {here}; uwsgi_temp_path {here}; scgi_temp_path {here};
               default_type text/plain; disable_symlinks on from={here}/site; client_header_buffer_size 1k;
               large_client_header_buffers 4 8k;
               server {{ listen {address}; root {here}/site; location ~ /\\. {{ return 404; }} }} }}"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).expect("write the configuration");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(&file).stderr(Stdio::null());
        let nginx = Self { child: command.spawn().expect("start nginx"), address };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            thread::yield_now();
        }
        nginx
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
