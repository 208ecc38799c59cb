// SPDX-License-Identifier: GPL-2.0
/*
 * The receive ring.
 *
 * The card owns the descriptors from its head up to, and without, its tail. It fills
 * the buffer at the head, marks the descriptor as done and goes on; the driver takes
 * the buffer, puts a new one in its place and moves the tail there. So all but one
 * descriptor are the card's: with head and tail equal it would have none.
 */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/skbuff.h>
#include "e1000.h"

/* e1000_rx_map() - a new buffer, mapped; 0 or a negative errno. */
static int e1000_rx_map(struct e1000_nic *nic, struct e1000_buffer *buffer, gfp_t gfp)
{
	struct device *device = &nic->pdev->dev;

	buffer->skb = __netdev_alloc_skb_ip_align(nic->netdev, E1000_RX_BUFFER, gfp);
	if (!buffer->skb)
		return -ENOMEM;
	buffer->dma = dma_map_single(device, buffer->skb->data, E1000_RX_BUFFER, DMA_FROM_DEVICE);
	if (dma_mapping_error(device, buffer->dma)) {
		dev_kfree_skb_any(buffer->skb);
		return -ENOMEM;
	}
	buffer->length = E1000_RX_BUFFER;
	return 0;
}

static void e1000_rx_unmap(struct e1000_nic *nic, struct e1000_buffer *buffer)
{
	dma_unmap_single(&nic->pdev->dev, buffer->dma, buffer->length, DMA_FROM_DEVICE);
}

/* e1000_rx_give() - the descriptor is the card's again, once the tail has passed it. */
static void e1000_rx_give(struct e1000_rx_ring *ring, unsigned int i)
{
	ring->desc[i].address = cpu_to_le64(ring->buffers[i].dma);
	ring->desc[i].status = 0;
}

int e1000_rx_setup(struct e1000_nic *nic)
{
	struct e1000_rx_ring *ring = &nic->rx;
	unsigned int i;
	int err;

	ring->desc = dma_alloc_coherent(&nic->pdev->dev, E1000_RING_SIZE * sizeof(*ring->desc),
					&ring->dma, GFP_KERNEL);
	if (!ring->desc)
		return -ENOMEM;
	for (i = 0; i < E1000_RING_SIZE; i++) {
		err = e1000_rx_map(nic, &ring->buffers[i], GFP_KERNEL);
		if (err) {
			e1000_rx_teardown(nic);
			return err;
		}
	}
	return 0;
}

void e1000_rx_teardown(struct e1000_nic *nic)
{
	struct e1000_rx_ring *ring = &nic->rx;
	unsigned int i;

	for (i = 0; i < E1000_RING_SIZE && ring->buffers[i].length; i++) {
		e1000_rx_unmap(nic, &ring->buffers[i]);
		dev_kfree_skb(ring->buffers[i].skb);
		ring->buffers[i].length = 0;
	}
	dma_free_coherent(&nic->pdev->dev, E1000_RING_SIZE * sizeof(*ring->desc), ring->desc,
			  ring->dma);
}

void e1000_rx_start(struct e1000_nic *nic)
{
	struct e1000_rx_ring *ring = &nic->rx;
	unsigned int i;

	for (i = 0; i < E1000_RING_SIZE; i++)
		e1000_rx_give(ring, i);
	ring->next = 0;
	ring->in_pieces = false;
	e1000_write(nic, E1000_RDBAL, lower_32_bits(ring->dma));
	e1000_write(nic, E1000_RDBAH, upper_32_bits(ring->dma));
	e1000_write(nic, E1000_RDLEN, E1000_RING_SIZE * sizeof(*ring->desc));
	e1000_write(nic, E1000_RDH, 0);
	e1000_write(nic, E1000_RDT, E1000_RING_SIZE - 1);
}

/* e1000_rx_frame() - takes what is in a descriptor that the card is done with. */
static void e1000_rx_frame(struct e1000_nic *nic, unsigned int i)
{
	struct e1000_rx_ring *ring = &nic->rx;
	struct e1000_rx_desc *desc = &ring->desc[i];
	struct e1000_buffer *buffer = &ring->buffers[i], fresh = { 0 };
	unsigned int length = le16_to_cpu(desc->length);
	bool in_pieces = ring->in_pieces;
	struct sk_buff *skb = buffer->skb;

	/* No frame that the card lets through is longer than a buffer; one that is, goes. */
	ring->in_pieces = !(desc->status & E1000_RXD_EOP);
	if (ring->in_pieces || in_pieces || desc->errors & E1000_RXD_FRAME_ERRORS ||
	    length < ETH_HLEN || length > E1000_RX_BUFFER) {
		u64_stats_update_begin(&ring->stats.sync);
		u64_stats_inc(&ring->stats.errors);
		u64_stats_update_end(&ring->stats.sync);
		return;
	}
	/*
	 * The new buffer first: without one the frame is dropped, and the card gets the
	 * old one again. A ring that ran out of buffers would never interrupt again.
	 */
	if (e1000_rx_map(nic, &fresh, GFP_ATOMIC)) {
		u64_stats_update_begin(&ring->stats.sync);
		u64_stats_inc(&ring->stats.dropped);
		u64_stats_update_end(&ring->stats.sync);
		return;
	}
	/* From here on the buffer is the processor's: its cache sees what the card wrote. */
	e1000_rx_unmap(nic, buffer);
	*buffer = fresh;

	u64_stats_update_begin(&ring->stats.sync);
	u64_stats_inc(&ring->stats.packets);
	u64_stats_add(&ring->stats.bytes, length);
	u64_stats_update_end(&ring->stats.sync);
	skb_put(skb, length);
	skb->protocol = eth_type_trans(skb, nic->netdev);
	napi_gro_receive(&nic->napi, skb);
}

int e1000_rx_poll(struct e1000_nic *nic, int budget)
{
	struct e1000_rx_ring *ring = &nic->rx;
	unsigned int i = ring->next, last = i;
	int done;

	for (done = 0; done < budget; done++) {
		if (!(READ_ONCE(ring->desc[i].status) & E1000_RXD_DD))
			break;
		/* The rest of the descriptor must not be read before its status. */
		dma_rmb();
		e1000_rx_frame(nic, i);
		e1000_rx_give(ring, i);
		last = i;
		i = (i + 1) % E1000_RING_SIZE;
	}
	ring->next = i;
	/* A write to a register comes after all writes to memory before it. */
	if (done)
		e1000_write(nic, E1000_RDT, last);
	return done;
}
