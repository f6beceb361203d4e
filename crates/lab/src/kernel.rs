//! What the kernel holds for everybody: sockets, buffers, stacks of threads, page tables.

use std::fs;

/// Lines of proc_meminfo(5) that grow with peers, threads and processes.
const LINES: [&str; 4] = ["Slab:", "KernelStack:", "PageTables:", "SecPageTables:"];

/// All of it now, in bytes; `None` where the kernel does not say.
pub(crate) fn bytes() -> Option<f64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let buffers = fs::read_to_string("/proc/net/sockstat").ok()?;
    let page = rustix::param::page_size() as f64;
    Some(kibibytes(&memory)? * 1024.0 + tcp_pages(&buffers)? * page)
}

/// The lines that count; the first has to be there, others came with later kernels.
fn kibibytes(text: &str) -> Option<f64> {
    let line = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix(" kB")?.parse::<f64>().ok()
    };
    line(LINES[0])?;
    Some(LINES.iter().filter_map(|name| line(name)).sum())
}

/// Pages in TCP's buffers: `TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3`.
fn tcp_pages(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_whitespace();
    words.find(|word| *word == "mem")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_it_holds() {
        let text = "MemTotal: 9 kB\nSlab:   610592 kB\nKernelStack:  1728 kB\nPageTables: 4 kB\n";
        assert_eq!(kibibytes(text), Some(612_324.0));
        assert_eq!(kibibytes("MemTotal: 9 kB"), None);
        let text = "sockets: used 15\nTCP: inuse 1 orphan 0 tw 8290 alloc 1 mem 42\n";
        assert_eq!(tcp_pages(text), Some(42.0));
        assert!(bytes().is_some_and(|bytes| bytes > 0.0));
    }
}
