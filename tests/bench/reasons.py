"""Why a target is missed, by the name of its case: what the profile says, in a sentence or two. The page has it under the table, and only
where the target is missed."""

DATES = ("Ours sends the second's dates in slices of some 500, so that none is late and newcomers wait for none; the floor sends one burst from warm caches. A slice costs a wakeup, and its first dates find "
         "cold caches: the floor that sends such slices, too, pays for both, and where all dates are due at once (`--align`, in the full form) nobody does. Where the host takes the processor away for "
         "some milliseconds, dates are late by as much: the floor's lateness in the table is of that, too.")
GET = ("A request takes some 2,200 instructions in user space (4,600 before 2026-11-28): the head is read and checked whole and its file is looked up, and each turn of the event loop reads its clocks, keeps its lists and publishes its "
       "counts; no source file of ours has more than a tenth of them. The floor answers without reading what was asked.")
FRESH = ("A file that was not looked at for half a second is looked at again, by one call where its folder was found within 50 ms, so that a deployment shows at once. "
         "nginx trusts what it knows for a minute.")
COLD = ("The first look takes nine calls: a look before the file is opened, so that no FIFO and no device is; the opening, beneath the root and nowhere else; a look on each side of the read, so that no half of a "
        "version is kept; the read; the end of the descriptor; and a look for each of three packed siblings. Those three are left out in a folder whose listing has shown none (since 2026-11-28), which leaves six. Its tag is "
        "made of all its bytes: some 17,000 instructions in all (27,000 before). nginx looks for one sibling, and lighttpd for none; both make the tag of what the file system says of the file, and neither keeps its bytes.")
GATHERED = ("At 2,000 lines a second, 5 ms bring ten lines, or 1 KiB; 64 KiB take a third of a second to come together, and are one write where ours are 65 (with `--coalesce 330ms` ours writes as much at once, and costs 1.3 times that: a thread reads each line as it comes, which the floor does not). "
            "The floor that waits 5 ms, too, pays for as many writes as ours.")
SATURATED = ("Of the 20 million messages a second that are due, some 5.4 million arrive from ours and as many from either floor: the core of the load generator, which reads and checks each, takes no more. So all three are half a "
             "second late at the median, the floor that gathers 64 KiB, too, whose core is busy for less than half of the time. What has come for a client since its last write goes to it together: a write has more lines than the ten that come in 5 ms, and a message "
             "costs about half of what it does to 1,000 clients. Ours and the floor that waits 5 ms write as soon as they can, and cost the same; the one that waits for 64 KiB makes fewer and longer writes of the same bytes.")
ECHO = ("Ours takes a frame apart with its limits, checks its text as UTF-8 (RFC 6455, section 8.1) and frames it anew: its bytes are passed twice, when the mask is taken off and when they are copied behind their "
        "new header. The floor takes off the mask in place and sends the same bytes back.")

REASONS = {
    "dates-1k": DATES,
    "dates-10k": DATES,
    "coalesced-2000-1k": GATHERED,
    "coalesced-2000-10k": SATURATED,
    "lines-2000-10k-2-workers": "20 million messages a second of 100 bytes are 2 GB. Here 5.6 million a second arrive: at 0.15 µs each the server takes 0.83 of the two cores, and the load generator, which reads and "
                                "checks every one of them, the other 1.17. At that rate 20 million take 3.0 cores of the server and 4.2 of the load generator: seven cores, or three and clients on other machines. "
                                "The floor that waits for 64 KiB takes 0.12 µs for each to so many clients, which is the least that the bytes can cost: 2.4 cores for 20 million, without a client that reads them.",
    "policy": "A life takes some 3,000 instructions in user space: a part for the limits (a place at the client's address, the list of those that may make room), the others for a turn of the event loop.",
    "get-close": "A life takes some 4,800 instructions in user space (6,000 before 2026-11-28): those of a request on a kept connection, and the limits of a newcomer. The floor has none, and answers without reading what was asked. "
                 "With deferred accept it saves the registration with its epoll, too, which ours makes for neither.",
    "handshake": "An opening and its end take some 17,000 instructions in user space (22,000 before 2026-11-28); the head is read and checked, SHA-1 and base64 make the answer, and the connection becomes a subscriber with its place among the dates. "
                 "The floor makes the answer alone.",
    "get-1KiB": GET,
    "get-10KiB": GET,
    "get-1MiB": "lighttpd sends the page cache's own pages. A file that is cut off in place meanwhile then reaches the client with zeros at its end, so ours sends a copy: until 2026-11-28 by writing it, of which the "
                "kernel makes another copy, since then the pages of a memory file that nobody else can change. The kernel looks for each of these by itself (memory files of pages of 2 MiB cost as much), where it takes those of a file on ext4 in batches.",
    "echo-16": ECHO,
    "echo-1024": ECHO,
    "echo-16384": ECHO,
    "get-many": FRESH,
    "get-cold": COLD,
}
