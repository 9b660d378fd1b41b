//! The servers' processes: where they run, and what they use.

use std::{
    env, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::Signal,
    },
    time::ClockId,
    unistd::Pid,
};

use crate::{
    Failure,
    server::{Family, Server},
};

/// A server to be measured.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) family: Family,
    /// How many connections it can have at once.
    pub(crate) connections: usize,
    /// Its program and arguments, less the port.
    command: Vec<String>,
}

impl Target {
    /// One of this program.
    pub(crate) fn own_process(server: &Server) -> Self {
        let program = env::current_exe().unwrap_or_default().to_string_lossy().into_owned();
        let Server { name, family, connections, .. } = *server;
        let command = vec![program, "server".into(), name.into(), "--port".into()];
        Self { name: name.into(), family, connections, command }
    }

    /// One that takes the port as its last argument.
    pub(crate) fn external(name: &str, command: &str) -> Self {
        let command = command.split_whitespace().map(Into::into).collect();
        Self { name: name.into(), family: Family::External, connections: usize::MAX, command }
    }

    /// Starts it on its core, and waits until it listens.
    pub(crate) fn start(&self, cores: &Cores) -> Result<Process, Failure> {
        let (program, arguments) = self.command.split_first().ok_or("an empty command")?;
        // One that is free now, and hardly used again so soon.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        // The child has the affinity of its parent from the start, and so do all of its threads.
        cores.run_on_servers()?;
        let child = Command::new(program)
            .args(arguments)
            .arg(address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        cores.run_on_generators()?;
        let child = child.map_err(|error| format!("{program}: {error}"))?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        let process = Process { child, clock: ClockId::pid_cpu_clock_id(pid)?, address };
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            if start.elapsed() > PATIENCE {
                return Err(format!("{} does not listen: {error}", self.name).into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(process)
    }
}

/// A server that runs. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    clock: ClockId,
    address: SocketAddr,
}

impl Process {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the CPU time of all of its threads so far, user and system.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        Ok(self.clock.now()?.into())
    }

    /// Returns how many octets of its memory are resident.
    pub(crate) fn resident(&self) -> Result<u64, Failure> {
        // The sum over its mappings: what `status` tells may be some pages behind.
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("no Rss")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim_end().parse()?;
        Ok(kib << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One core for the servers, one for the generator.
pub(crate) struct Cores {
    servers: CpuSet,
    generator: CpuSet,
}

impl Cores {
    /// Takes the first two of those that this process may use.
    pub(crate) fn choose() -> Result<Self, Failure> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let mut cores = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false));
        let servers = cores.next().ok_or("no core")?;
        let generator = cores.next().unwrap_or_else(|| {
            eprintln!("only one core: servers and generator share it");
            servers
        });
        let set = |core| {
            let mut set = CpuSet::new();
            set.set(core).map(|()| set)
        };
        let cores = Self { servers: set(servers)?, generator: set(generator)? };
        cores.run_on_generators()?;
        Ok(cores)
    }

    fn run_on_servers(&self) -> io::Result<()> {
        Ok(sched_setaffinity(Pid::from_raw(0), &self.servers)?)
    }

    fn run_on_generators(&self) -> io::Result<()> {
        Ok(sched_setaffinity(Pid::from_raw(0), &self.generator)?)
    }
}

/// Allows as many open files as this process may allow itself; servers inherit it.
pub(crate) fn allow_many_files() -> io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// Ends this process when the one that has started it ends, in whatever way.
pub(crate) fn end_with_parent() -> io::Result<()> {
    Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
}

/// Returns how many connections this process may have.
pub(crate) fn most_connections() -> io::Result<usize> {
    let (most, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(RESERVED_FILES))
}

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many files are not connections.
const RESERVED_FILES: usize = 64;
