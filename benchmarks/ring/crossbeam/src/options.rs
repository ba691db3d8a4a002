//! What a run is asked to do: the flags that all contestants share, as ../../options.h has them.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Topology {
    Unicast,
    Pipeline,
    Multicast,
    Diamond,
    Producers,
    Pingpong,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    Spin,
    Pause,
    Yield,
    Block,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub contestant: String,
    pub topology: Topology,
    pub topology_name: String,
    pub ring: usize,
    pub batch: u64,
    pub event_bytes: usize,
    pub wait: Wait,
    pub events: u64,
    pub repeats: usize,
    pub cpus: Vec<usize>,
}

impl Topology {
    fn named(name: &str) -> Result<Topology, String> {
        Ok(match name {
            "unicast" => Topology::Unicast,
            "pipeline" => Topology::Pipeline,
            "multicast" => Topology::Multicast,
            "diamond" => Topology::Diamond,
            "producers" => Topology::Producers,
            "pingpong" => Topology::Pingpong,
            _ => return Err(format!("there is no topology \"{name}\"")),
        })
    }

    fn threads(self) -> usize {
        if matches!(self, Topology::Unicast | Topology::Pingpong) { 2 } else { 4 }
    }
}

impl Wait {
    fn named(name: &str) -> Result<Wait, String> {
        Ok(match name {
            "spin" => Wait::Spin,
            "pause" => Wait::Pause,
            "yield" => Wait::Yield,
            "block" => Wait::Block,
            _ => return Err(format!("there is no wait \"{name}\"")),
        })
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("--{name}: \"{text}\" is no number"))
}

/// The options that these arguments ask for, or what is wrong with them.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        contestant: "crossbeam_array".to_string(),
        topology: Topology::Unicast,
        topology_name: "unicast".to_string(),
        ring: 1024,
        batch: 1,
        event_bytes: 8,
        wait: Wait::Spin,
        events: 1_000_000,
        repeats: 5,
        cpus: vec![0, 1],
    };
    let mut wait = None;
    for argument in arguments {
        let (name, value) = argument
            .strip_prefix("--")
            .and_then(|flag| flag.split_once('='))
            .ok_or_else(|| format!("{argument}: flags are --name=value"))?;
        match name {
            "contestant" => options.contestant = value.to_string(),
            "topology" => {
                options.topology = Topology::named(value)?;
                options.topology_name = value.to_string();
            }
            "ring" => options.ring = number(name, value)?,
            "batch" => options.batch = number(name, value)?,
            "event_bytes" => options.event_bytes = number(name, value)?,
            "wait" => wait = Some(Wait::named(value)?),
            "events" => options.events = number(name, value)?,
            "repeats" => options.repeats = number(name, value)?,
            "cpus" => {
                options.cpus = value.split(',').map(|v| number(name, v)).collect::<Result<_, _>>()?
            }
            _ => return Err(format!("there is no flag --{name}")),
        }
    }
    let crowded = options.topology.threads() > options.cpus.len();
    options.wait = wait.unwrap_or(if crowded { Wait::Yield } else { Wait::Spin });
    check(&options)?;
    Ok(options)
}

fn check(options: &Options) -> Result<(), String> {
    if !options.ring.is_power_of_two() || options.ring < 2 {
        return Err("--ring: a power of two, at least 2".to_string());
    }
    if options.batch < 1 || options.batch > options.ring as u64 {
        return Err("--batch: from 1 to --ring".to_string());
    }
    if options.event_bytes != 8 && options.event_bytes != 64 {
        return Err("--event_bytes: 8 or 64".to_string());
    }
    if options.events < 1 || options.events > 1_000_000_000 {
        return Err("--events: 1 to 10^9".to_string());
    }
    if options.repeats < 1 {
        return Err("--repeats: at least 1".to_string());
    }
    Ok(())
}
