// SPDX-License-Identifier: GPL-2.0
/*
 * The transmit ring.
 *
 * ndo_start_xmit fills descriptors and moves the card's tail past them; the card sends
 * what is between its head and its tail, and marks a frame's last descriptor as done;
 * NAPI frees the frame. The two run at the same time on two processors and share no
 * lock: each moves an index of its own, and looks at the other's.
 */
#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include "e1000.h"

/* A descriptor takes less than 16 KB (3.3.3), and a frame to segment is 64 KB. */
#define E1000_TX_PIECE	8192
/* The most descriptors of a frame: context, head, fragments, and where pieces end. */
#define E1000_TX_MOST	(2 + MAX_SKB_FRAGS + GSO_LEGACY_MAX_SIZE / E1000_TX_PIECE)
#define E1000_TX_WAKE	(2 * E1000_TX_MOST)

static_assert(E1000_TX_WAKE < E1000_RING_SIZE);

/* e1000_tx_room() - how many descriptors are free. Whoever asks writes one of the indices. */
static unsigned int e1000_tx_room(const struct e1000_tx_ring *ring)
{
	/* Pairs with the release in e1000_tx_poll(): what was there is unmapped. */
	return (smp_load_acquire(&ring->clean) - READ_ONCE(ring->next) - 1) % E1000_RING_SIZE;
}

int e1000_tx_setup(struct e1000_nic *nic)
{
	struct e1000_tx_ring *ring = &nic->tx;

	ring->desc = dma_alloc_coherent(&nic->pdev->dev, E1000_RING_SIZE * sizeof(*ring->desc),
					&ring->dma, GFP_KERNEL);
	return ring->desc ? 0 : -ENOMEM;
}

void e1000_tx_teardown(struct e1000_nic *nic)
{
	dma_free_coherent(&nic->pdev->dev, E1000_RING_SIZE * sizeof(*nic->tx.desc), nic->tx.desc,
			  nic->tx.dma);
}

void e1000_tx_start(struct e1000_nic *nic)
{
	struct e1000_tx_ring *ring = &nic->tx;

	ring->next = 0;
	ring->clean = 0;
	e1000_write(nic, E1000_TDBAL, lower_32_bits(ring->dma));
	e1000_write(nic, E1000_TDBAH, upper_32_bits(ring->dma));
	e1000_write(nic, E1000_TDLEN, E1000_RING_SIZE * sizeof(*ring->desc));
	e1000_write(nic, E1000_TDH, 0);
	e1000_write(nic, E1000_TDT, 0);
	e1000_write(nic, E1000_TIPG, E1000_TIPG_IEEE_802_3);
	/* The numbers that 13.4.33 recommends for full duplex. */
	e1000_write(nic, E1000_TCTL, E1000_TCTL_EN | E1000_TCTL_PSP |
		    FIELD_PREP(E1000_TCTL_CT, 0x0f) | FIELD_PREP(E1000_TCTL_COLD, 0x40));
}

/* e1000_tx_unmap() - what the descriptors from @i to @last, inclusive, have mapped. */
static void e1000_tx_unmap(struct e1000_nic *nic, unsigned int i, unsigned int last)
{
	struct device *device = &nic->pdev->dev;

	for (;; i = (i + 1) % E1000_RING_SIZE) {
		struct e1000_buffer *buffer = &nic->tx.buffers[i];

		if (buffer->length && buffer->is_page)
			dma_unmap_page(device, buffer->dma, buffer->length, DMA_TO_DEVICE);
		else if (buffer->length)
			dma_unmap_single(device, buffer->dma, buffer->length, DMA_TO_DEVICE);
		buffer->length = 0;
		if (i == last)
			break;
	}
}

void e1000_tx_drop(struct e1000_nic *nic)
{
	struct e1000_tx_ring *ring = &nic->tx;
	unsigned int i, last;

	for (i = ring->clean; i != ring->next; i = (last + 1) % E1000_RING_SIZE) {
		last = ring->buffers[i].last;
		e1000_tx_unmap(nic, i, last);
		dev_kfree_skb(ring->buffers[i].skb);
	}
	ring->clean = ring->next;
	netdev_reset_queue(nic->netdev);
}

void e1000_tx_poll(struct e1000_nic *nic, int budget)
{
	struct e1000_tx_ring *ring = &nic->tx;
	struct net_device *netdev = nic->netdev;
	unsigned int packets = 0, sent_packets = 0, bytes = 0, sent_bytes = 0;
	/* Pairs with the release in e1000_xmit(): what is before next is all there. */
	unsigned int i = ring->clean, last, next = smp_load_acquire(&ring->next);

	for (; i != next; i = (last + 1) % E1000_RING_SIZE) {
		struct sk_buff *skb = ring->buffers[i].skb;
		unsigned int segments;

		last = ring->buffers[i].last;
		if (!(READ_ONCE(ring->desc[last].status) & cpu_to_le32(E1000_TXD_DD)))
			break;
		e1000_tx_unmap(nic, i, last);
		packets++;
		bytes += skb->len;
		/* On the wire each segment has the headers once more. */
		segments = skb_is_gso(skb) ? skb_shinfo(skb)->gso_segs : 1;
		sent_packets += segments;
		sent_bytes += skb->len;
		if (segments > 1)
			sent_bytes += (segments - 1) * skb_tcp_all_headers(skb);
		napi_consume_skb(skb, budget);
	}
	if (!packets)
		return;
	u64_stats_update_begin(&ring->stats.sync);
	u64_stats_add(&ring->stats.packets, sent_packets);
	u64_stats_add(&ring->stats.bytes, sent_bytes);
	u64_stats_update_end(&ring->stats.sync);

	/* Pairs with the acquire in e1000_tx_room(): the descriptors are free for use. */
	smp_store_release(&ring->clean, i);
	netdev_completed_queue(netdev, packets, bytes);
	/* Pairs with the barrier in e1000_tx_stop(). */
	smp_mb();
	if (netif_queue_stopped(netdev) && e1000_tx_room(ring) >= E1000_TX_WAKE)
		netif_wake_queue(netdev);
}

/*
 * e1000_tx_context() - fills a context descriptor if the frame needs one
 *
 * The stack leaves a checksum to the card, or the cutting of 64 KB of TCP into segments.
 *
 * Return: 1 or 0: how many descriptors were filled; or a negative errno.
 */
static int e1000_tx_context(struct e1000_nic *nic, struct sk_buff *skb, u32 *command, u32 *options)
{
	struct e1000_context_desc context = { 0 };
	unsigned int start, offset, headers;
	u32 bits = E1000_TXD_DEXT;
	int err;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return 0;
	start = skb_checksum_start_offset(skb);
	offset = start + skb->csum_offset;
	/* The card counts these in a byte. */
	if (offset > U8_MAX && !skb_is_gso(skb))
		return skb_checksum_help(skb);
	context.start = start;
	context.offset = offset;
	*options |= E1000_TXD_TXSM;

	if (skb_is_gso(skb)) {
		/* The headers are about to change, and may be another frame's as well. */
		err = skb_cow_head(skb, 0);
		if (err)
			return err;
		/* The card adds what each segment has of its own: here all of it is zero. */
		ip_hdr(skb)->tot_len = 0;
		ip_hdr(skb)->check = 0;
		tcp_hdr(skb)->check = ~csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, 0,
							 IPPROTO_TCP, 0);
		headers = skb_tcp_all_headers(skb);
		context.ip_start = skb_network_offset(skb);
		context.ip_offset = context.ip_start + offsetof(struct iphdr, check);
		context.ip_end = cpu_to_le16(start - 1);
		context.header_length = headers;
		context.mss = cpu_to_le16(skb_shinfo(skb)->gso_size);
		bits |= E1000_TXD_TSE | E1000_TXD_TCP | E1000_TXD_IPV4 | (skb->len - headers);
		*options |= E1000_TXD_IXSM;
		*command |= E1000_TXD_TSE;
	}
	context.command = cpu_to_le32(bits);
	memcpy(&nic->tx.desc[nic->tx.next], &context, sizeof(context));
	return 1;
}

/* e1000_tx_fill() - descriptors for a piece of memory that is mapped; returns the next one. */
static unsigned int e1000_tx_fill(struct e1000_tx_ring *ring, unsigned int i, dma_addr_t dma,
				  unsigned int length, bool is_page, u32 command, u32 options)
{
	unsigned int part;

	ring->buffers[i].dma = dma;
	ring->buffers[i].length = length;
	ring->buffers[i].is_page = is_page;
	for (; length; length -= part, dma += part) {
		part = min_t(unsigned int, length, E1000_TX_PIECE);
		ring->desc[i].address = cpu_to_le64(dma);
		ring->desc[i].command = cpu_to_le32(command | part);
		/* Done is cleared with it. */
		ring->desc[i].status = cpu_to_le32(options);
		i = (i + 1) % E1000_RING_SIZE;
	}
	return i;
}

/*
 * e1000_tx_stop() - stops the queue when the next frame may not find room
 *
 * The queue is stopped, and then clean is looked at. e1000_tx_poll() writes clean, and
 * then looks at the queue. With a barrier between, one of the two sees what the other
 * did, and a queue with room does not stay stopped.
 *
 * Return: whether it is stopped.
 */
static bool e1000_tx_stop(struct e1000_nic *nic)
{
	if (likely(e1000_tx_room(&nic->tx) >= E1000_TX_MOST))
		return false;
	netif_stop_queue(nic->netdev);
	/* Pairs with the barrier in e1000_tx_poll(). */
	smp_mb();
	if (e1000_tx_room(&nic->tx) < E1000_TX_MOST)
		return true;
	netif_start_queue(nic->netdev);
	return false;
}

netdev_tx_t e1000_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct e1000_nic *nic = netdev_priv(netdev);
	struct e1000_tx_ring *ring = &nic->tx;
	struct device *device = &nic->pdev->dev;
	u32 command = E1000_TXD_DATA | E1000_TXD_DEXT | E1000_TXD_IFCS, options = 0;
	unsigned int first = ring->next, i = first, last, frag = 0, length;
	dma_addr_t dma;
	int filled;

	/* Does not happen: the queue was stopped in time, below. */
	if (e1000_tx_stop(nic))
		return NETDEV_TX_BUSY;
	/* Frees the frame if it cannot. */
	if (eth_skb_pad(skb)) {
		skb = NULL;
		goto drop;
	}
	filled = e1000_tx_context(nic, skb, &command, &options);
	if (filled < 0)
		goto drop;
	/* A context maps nothing. */
	i = (first + filled) % E1000_RING_SIZE;

	length = skb_headlen(skb);
	dma = dma_map_single(device, skb->data, length, DMA_TO_DEVICE);
	if (dma_mapping_error(device, dma))
		goto drop;
	i = e1000_tx_fill(ring, i, dma, length, false, command, options);
	for (frag = 0; frag < skb_shinfo(skb)->nr_frags; frag++) {
		length = skb_frag_size(&skb_shinfo(skb)->frags[frag]);
		dma = skb_frag_dma_map(device, &skb_shinfo(skb)->frags[frag], 0, length,
				       DMA_TO_DEVICE);
		if (dma_mapping_error(device, dma))
			goto unmap;
		i = e1000_tx_fill(ring, i, dma, length, true, command, options);
	}
	last = (i - 1) % E1000_RING_SIZE;
	ring->desc[last].command |= cpu_to_le32(E1000_TXD_EOP | E1000_TXD_RS);
	ring->buffers[first].skb = skb;
	ring->buffers[first].last = last;
	skb_tx_timestamp(skb);

	/* Pairs with the acquire in e1000_tx_poll(). */
	smp_store_release(&ring->next, i);
	e1000_tx_stop(nic);
	/*
	 * Counted before the card is told, and so before it can be done. Not told while
	 * more frames follow at once: a write to a register is slow.
	 */
	if (__netdev_sent_queue(netdev, skb->len, netdev_xmit_more()))
		e1000_write(nic, E1000_TDT, i);
	return NETDEV_TX_OK;

unmap:
	e1000_tx_unmap(nic, first, (i - 1) % E1000_RING_SIZE);
drop:
	u64_stats_update_begin(&ring->failed.sync);
	u64_stats_inc(&ring->failed.dropped);
	u64_stats_update_end(&ring->failed.sync);
	dev_kfree_skb_any(skb);
	/* Frames before this one may have been left to it to tell the card about. */
	e1000_write(nic, E1000_TDT, first);
	return NETDEV_TX_OK;
}
