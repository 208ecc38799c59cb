/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What qemu-run and the guest's init say to each other, over one channel: a
 * virtio-serial port, or else a serial port. Both ends are built from this tree
 * and run on the same architecture, so structures travel as they are. The host
 * trusts no byte of what it receives.
 */
#ifndef QEMU_RUN_PROTOCOL_H
#define QEMU_RUN_PROTOCOL_H

#include <stdint.h>
#include <sys/ioctl.h>

/* Part of a template's key: a new number makes new templates. */
#define PROTOCOL_VERSION 13

#define PORT_NAME	 "qemu-run"

/* What the guest is called. */
#define GUEST_NAME "guest"

/* The serial number of the disk that is the root. */
#define ROOT_SERIAL "qemu-run-root"

/* In the guest: where the command starts, and where the files of -f go. */
#define HOME "/root"

/* What the guest has of its own, whatever --root has there. */
#define OWN_DIRECTORIES { "/proc", "/sys", "/dev", "/run", "/tmp" }

/*
 * NixOS has its programs there, by a link that is made when it boots, to where the other leads.
 * What is in /run is the guest's own: it makes the link.
 */
#define NIXOS_SYSTEM  "/run/current-system"
#define NIXOS_PROFILE "/nix/var/nix/profiles/system"
#define NIXOS_BIN     NIXOS_SYSTEM "/sw/bin"

/*
 * A frame and its header fit one buffer of virtio_console, which cuts writes
 * at 32 KiB.
 */
#define FRAME_MAX	 (32 * 1024 - (uint32_t)sizeof(struct frame_header))

/* Input that may be under way: the guest's init holds as much and never blocks. */
#define INPUT_WINDOW	 (256 * 1024)

/*
 * A serial port has no way to say that its reader is slow. What a tty has no room
 * for is lost: 4 KiB for the reader and 64 KiB behind that, on old kernels. So no
 * more than this goes to the guest before it has said that it took it, unless it says
 * nothing for long: see FRAME_NUDGE.
 */
#define SERIAL_WINDOW	 (16 * 1024)

/* A job that came with the guest's files: its frames, one after the other. */
#define PACKED_JOB	 "qemu-run-job"

/* How init begins its lines on the console, and one that says what its channel would need. */
#define LOG_PREFIX	 "qemu-run: "
#define LOG_MISSING	 "lacks: "
#define LOG_CANNOT	 "cannot begin: "
#define LOG_FAILED	 "failed units: "

/* How a detail of the last complaint begins: a place, a reason. No complaint does. */
#define COMPLAINT_DETAIL "  "

struct frame_header {
	uint32_t length; /* of what follows the header */
	uint32_t type;
};

enum frame_type {
	/*
	 * To the guest: the job, in this order, up to FRAME_START. Modules that a
	 * template keeps come before it, up to FRAME_HOLD.
	 */
	FRAME_JOB = 1,	 /* struct job */
	FRAME_ARGUMENT,	 /* text */
	FRAME_VARIABLE,	 /* NAME=value */
	FRAME_DIRECTORY, /* where the command starts */
	FRAME_MODULE,	 /* parameters, NUL, name; FRAME_DATA; FRAME_END */
	FRAME_SOFT_MODULE, /* the same, but it may fail to load */
	FRAME_DISKS,	 /* a byte for each: whether to look for partitions */
	FRAME_NETWORK,	 /* bring it up, once the modules are loaded; a byte: it must be there */
	FRAME_ROOT,	 /* enter the host's directory; texts: see root_enter() */
	FRAME_SHARE,	 /* "r" or "w", then where to mount the next share, "share0" and on */
	FRAME_LOGIN,	 /* text: the user, to be found in the image that is the root; "": root */
	FRAME_USER,	 /* struct user */
	FRAME_GET,	 /* a path to send back when the command has ended */
	FRAME_PACKED,	 /* more of the job is in the file PACKED_JOB, up to ... */
	FRAME_PACKED_END,
	FRAME_START,
	FRAME_HOLD,	 /* say hello again: a template is made of what there is now */

	/* To the guest, while the command runs. */
	FRAME_INPUT,	 /* bytes; none of them: end of input */
	FRAME_WINDOW,	 /* struct winsize */
	FRAME_SHUT,	 /* uint32_t: nobody reads that stream any more */
	FRAME_BYE,	 /* the status has arrived: end the machine */
	FRAME_NUDGE,	 /* nothing: so that FRAME_ACK comes, or by virtio FRAME_ALIVE */

	/* Both ways: a tree of files. */
	FRAME_ENTRY = 32, /* struct entry, path, for a link: NUL, target */
	FRAME_DATA,
	FRAME_END,	  /* of -f: nothing; of --get: struct tree_end, name */

	/* From the guest. */
	FRAME_HELLO = 64, /* struct hello: waiting for a job, or more; answers FRAME_JOB */
	FRAME_STARTED,	  /* the command has been forked */
	FRAME_OUTPUT,	  /* bytes of stdout */
	FRAME_ERRORS,	  /* bytes of stderr */
	FRAME_CREDIT,	  /* uint32_t: so much input has gone */
	FRAME_REFUSED,	  /* uint32_t exit status, then why */
	FRAME_COMPLAINT,  /* a line that the kernel complained with, or init; or a detail */
	FRAME_STATUS,	  /* struct status: the last frame but for FRAME_ACK */
	FRAME_ACK,	  /* struct ack: off a serial port */
	FRAME_DEADLINE,	  /* uint32_t poweroff_method: it has passed, and ends the machine */
	FRAME_RETURNED,	  /* nothing: the command has ended, and its deadline with it */
	FRAME_ALIVE,	  /* nothing: the answer to FRAME_NUDGE */
};

enum job_flags {
	JOB_TERMINAL = 1 << 0,	      /* stdin and stdout are a terminal */
	JOB_ERRORS_APART = 1 << 1,    /* stderr is not that terminal */
	JOB_INPUT_DIRECTORY = 1 << 2, /* stdin is one: a read is to fail with EISDIR */
	JOB_INPUT_UNREADABLE = 1 << 3, /* likewise with EBADF */
	JOB_DISKS = 1 << 4,	      /* there may be disks, or directories to write to */
};

struct job {
	uint64_t realtime_ns; /* the host's clock */
	uint64_t timeout_ms;  /* 0: none */
	uint32_t flags;
	struct winsize window;
	uint8_t seed[64]; /* no two clones may share their random numbers */
};

struct user {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[1024]; /* the other groups; a frame has those only that there are */
};

/* How the guest ends its machine. */
enum poweroff_method {
	POWEROFF_NONE,
	POWEROFF_PORT,   /* init writes the port, by ioperm(2) */
	POWEROFF_DRIVER, /* init has qemu_poweroff write it, by its parameters */
};

struct hello {
	uint32_t version;
	uint32_t method;
	char driver_error[2048]; /* why it does not load; as much as the text is long is sent */
};

struct status {
	uint32_t code;	 /* 0-255, as a shell gives it */
	uint32_t signal; /* 0: it exited */
	uint32_t method;
	uint32_t cpus;	 /* that the kernel can use */
	uint64_t taint_before;
	uint64_t taint_after;
	uint64_t run_ns;
};

/* The kernel's taint flags that are complaints. */
#define TAINT_MACHINE_CHECK (1 << 4)
#define TAINT_BAD_PAGE	    (1 << 5)
#define TAINT_OOPS	    (1 << 7)
#define TAINT_WARNING	    (1 << 9)
#define TAINT_LOCKUP	    (1 << 14)
#define TAINT_COMPLAINTS    (TAINT_MACHINE_CHECK | TAINT_BAD_PAGE | TAINT_OOPS | \
			     TAINT_WARNING | TAINT_LOCKUP)

struct ack { /* what was read off a serial port */
	uint32_t bytes; /* since the last frame of this kind */
	uint32_t sum;	/* frame_sum() of all there were */
};

struct tree_end {
	int32_t err;	   /* 0 or an errno */
	uint32_t left_out; /* sockets, devices, FIFOs; the name is that of the first */
};

struct entry {
	uint32_t mode; /* S_IFREG, S_IFDIR or S_IFLNK, and permissions */
	uint32_t index; /* which --get */
	int64_t mtime;
};

#endif
