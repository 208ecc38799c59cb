/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the driver share. */
#ifndef E1000_H
#define E1000_H

#include <linux/io.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/u64_stats_sync.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include "e1000_hw.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
/* Of newer kernels, where the two functions that it is made of here are deprecated. */
static inline void __iomem *pcim_iomap_region(struct pci_dev *pdev, int bar, const char *name)
{
	int err = pcim_iomap_regions(pdev, BIT(bar), name);

	return err ? IOMEM_ERR_PTR(err) : pcim_iomap_table(pdev)[bar];
}
#endif

/* A power of two, and a multiple of eight: see E1000_RDLEN. */
#define E1000_RING_SIZE		256
#define E1000_RX_BUFFER		2048

/**
 * struct e1000_stats - what one direction counts
 * @sync: lets a 32-bit machine read 64 bits in one piece
 * @packets: frames that went well
 * @bytes: in them
 * @errors: frames that the card or the bus failed on
 * @dropped: frames that there was no memory for
 *
 * Each direction has one writer at a time.
 */
struct e1000_stats {
	struct u64_stats_sync sync;
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t errors;
	u64_stats_t dropped;
};

/**
 * struct e1000_buffer - memory that is mapped for the card
 * @skb: receive: the buffer; transmit: the frame, in its first descriptor
 * @dma: where the card finds it
 * @length: how much is mapped; 0: nothing
 * @last: transmit: the frame's last descriptor, in its first
 * @is_page: mapped as a page, and to be unmapped as one
 */
struct e1000_buffer {
	struct sk_buff *skb;
	dma_addr_t dma;
	unsigned int length;
	u16 last;
	bool is_page;
};

/**
 * struct e1000_rx_ring - the receive ring
 * @desc: the descriptors, coherent memory
 * @dma: where the card finds them
 * @next: the one that the card fills next
 * @in_pieces: the last descriptor held a part of a frame
 * @buffers: one for each descriptor, always mapped
 * @stats: by NAPI alone
 */
struct e1000_rx_ring {
	struct e1000_rx_desc *desc;
	dma_addr_t dma;
	unsigned int next;
	bool in_pieces;
	struct e1000_buffer buffers[E1000_RING_SIZE];
	struct e1000_stats stats;
};

/**
 * struct e1000_tx_ring - the transmit ring
 * @desc: the descriptors, coherent memory
 * @dma: where the card finds them
 * @next: the one to fill next; written by ndo_start_xmit alone
 * @clean: the oldest one that is in use; written by NAPI alone
 * @buffers: one for each descriptor
 * @stats: by NAPI alone
 * @failed: frames that were not sent; by ndo_start_xmit alone
 *
 * The ring is empty when @next is @clean. One descriptor stays free, or a full
 * ring would look the same.
 */
struct e1000_tx_ring {
	struct e1000_tx_desc *desc;
	dma_addr_t dma;
	unsigned int next;
	unsigned int clean;
	struct e1000_buffer buffers[E1000_RING_SIZE];
	struct e1000_stats stats;
	struct e1000_stats failed;
};

/**
 * struct e1000_nic - a card
 * @netdev: the network interface
 * @pdev: the PCI device
 * @registers: BAR 0
 * @napi: polls both rings
 * @reset_work: ends a transmit timeout
 * @rx: the receive ring
 * @tx: the transmit ring
 */
struct e1000_nic {
	struct net_device *netdev;
	struct pci_dev *pdev;
	void __iomem *registers;
	struct napi_struct napi;
	struct work_struct reset_work;
	struct e1000_rx_ring rx;
	struct e1000_tx_ring tx;
};

static inline u32 e1000_read(const struct e1000_nic *nic, unsigned int reg)
{
	return readl(nic->registers + reg);
}

static inline void e1000_write(const struct e1000_nic *nic, unsigned int reg, u32 value)
{
	writel(value, nic->registers + reg);
}

/**
 * e1000_rx_setup() - allocates the receive ring and its buffers
 * @nic: the card
 *
 * Context: process.
 * Return: 0 or a negative errno: nothing is allocated then.
 */
int e1000_rx_setup(struct e1000_nic *nic);

/**
 * e1000_rx_teardown() - frees them
 * @nic: the card, stopped
 *
 * Context: process.
 */
void e1000_rx_teardown(struct e1000_nic *nic);

/**
 * e1000_rx_start() - gives the card the whole ring, from its beginning
 * @nic: the card, reset
 *
 * Context: any; the receiver is enabled by E1000_RCTL, not here.
 */
void e1000_rx_start(struct e1000_nic *nic);

/**
 * e1000_rx_poll() - hands received frames to the stack
 * @nic: the card
 * @budget: how many at most
 *
 * Context: NAPI.
 * Return: how many descriptors were used up.
 */
int e1000_rx_poll(struct e1000_nic *nic, int budget);

/**
 * e1000_tx_setup() - allocates the transmit ring
 * @nic: the card
 *
 * Context: process.
 * Return: 0 or a negative errno.
 */
int e1000_tx_setup(struct e1000_nic *nic);

/**
 * e1000_tx_teardown() - frees it
 * @nic: the card, stopped, and the ring emptied
 *
 * Context: process.
 */
void e1000_tx_teardown(struct e1000_nic *nic);

/**
 * e1000_tx_start() - tells the card about the ring, which is empty
 * @nic: the card, reset
 *
 * Context: any; enables the transmitter.
 */
void e1000_tx_start(struct e1000_nic *nic);

/**
 * e1000_tx_drop() - gives up on all frames in the ring
 * @nic: the card, stopped; neither NAPI nor ndo_start_xmit runs
 *
 * Context: process.
 */
void e1000_tx_drop(struct e1000_nic *nic);

/**
 * e1000_tx_poll() - frees what the card has sent, and wakes the queue
 * @nic: the card
 * @budget: NAPI's; 0: called by netpoll, with interrupts off
 *
 * Context: NAPI.
 */
void e1000_tx_poll(struct e1000_nic *nic, int budget);

/**
 * e1000_xmit() - ndo_start_xmit
 * @skb: the frame
 * @netdev: the interface
 *
 * Context: the queue's lock is held, bottom halves are off.
 * Return: NETDEV_TX_OK: the frame is sent or dropped; NETDEV_TX_BUSY: neither.
 */
netdev_tx_t e1000_xmit(struct sk_buff *skb, struct net_device *netdev);

#endif
