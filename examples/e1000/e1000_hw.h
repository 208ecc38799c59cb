/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers and descriptors of Intel's 82540EM, as far as the driver uses them.
 *
 * From Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's
 * Manual", 317453, revision 4.0. The number behind a name is the manual's section.
 */
#ifndef E1000_HW_H
#define E1000_HW_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>

#define E1000_DEVICE_82540EM		0x100e	/* 5.2 */

/* Device control, 13.4.1 */
#define E1000_CTRL			0x0000
#define E1000_CTRL_SLU			BIT(6)	/* set link up: follow the PHY */
#define E1000_CTRL_FRCSPD		BIT(11)	/* force the speed */
#define E1000_CTRL_FRCDPLX		BIT(12)	/* force the duplex mode */
#define E1000_CTRL_RST			BIT(26)	/* reset; clears itself */

/* Device status, 13.4.2 */
#define E1000_STATUS			0x0008
#define E1000_STATUS_FD			BIT(0)	/* full duplex */
#define E1000_STATUS_LU			BIT(1)	/* link up */
#define E1000_STATUS_SPEED		GENMASK(7, 6)
#define E1000_STATUS_SPEED_10		0
#define E1000_STATUS_SPEED_100		1

/* EEPROM read, 13.4.4; what the words are: 5.6 */
#define E1000_EERD			0x0014
#define E1000_EERD_START		BIT(0)
#define E1000_EERD_DONE			BIT(4)
#define E1000_EERD_ADDRESS		GENMASK(15, 8)
#define E1000_EERD_DATA			GENMASK(31, 16)
#define E1000_EEPROM_MAC		0x00	/* three words, the low byte first: 5.6.1 */
#define E1000_EEPROM_WORDS		0x40
#define E1000_EEPROM_SUM		0xbaba	/* of all words: 5.6.35 */

/* Interrupts */
#define E1000_ICR			0x00c0	/* cause; a read clears it: 13.4.17 */
#define E1000_ICS			0x00c8	/* cause set: 13.4.19 */
#define E1000_IMS			0x00d0	/* mask set, to enable: 13.4.20 */
#define E1000_IMC			0x00d8	/* mask clear, to disable: 13.4.21 */
#define E1000_INT_TXDW			BIT(0)	/* a transmit descriptor was written back */
#define E1000_INT_LSC			BIT(2)	/* the link changed */
#define E1000_INT_RXDMT0		BIT(4)	/* few receive descriptors are left */
#define E1000_INT_RXO			BIT(6)	/* a frame was lost: none was left */
#define E1000_INT_RXT0			BIT(7)	/* a frame was received */

/* Receive control, 13.4.22; buffers of 2048 bytes and multicast by bits 47:36 are its zeroes */
#define E1000_RCTL			0x0100
#define E1000_RCTL_EN			BIT(1)	/* enable */
#define E1000_RCTL_UPE			BIT(3)	/* promiscuous, unicast */
#define E1000_RCTL_MPE			BIT(4)	/* promiscuous, multicast */
#define E1000_RCTL_BAM			BIT(15)	/* accept broadcast */
#define E1000_RCTL_SECRC		BIT(26)	/* strip the CRC */

/* The receive ring, 13.4.25 to 13.4.29 */
#define E1000_RDBAL			0x2800	/* base, low */
#define E1000_RDBAH			0x2804	/* base, high */
#define E1000_RDLEN			0x2808	/* length in bytes, a multiple of 128 */
#define E1000_RDH			0x2810	/* head: the card's next descriptor */
#define E1000_RDT			0x2818	/* tail: the first one that is not the card's */

/* Transmit control, 13.4.33 */
#define E1000_TCTL			0x0400
#define E1000_TCTL_EN			BIT(1)	/* enable */
#define E1000_TCTL_PSP			BIT(3)	/* pad short packets */
#define E1000_TCTL_CT			GENMASK(11, 4)	/* collision threshold */
#define E1000_TCTL_COLD			GENMASK(21, 12)	/* collision distance */

/* Gaps between frames, 13.4.34, with what IEEE 802.3 asks of copper: 10, 8 and 6 */
#define E1000_TIPG			0x0410
#define E1000_TIPG_IEEE_802_3		(10 | 8 << 10 | 6 << 20)

/* The transmit ring, 13.4.36 to 13.4.40 */
#define E1000_TDBAL			0x3800
#define E1000_TDBAH			0x3804
#define E1000_TDLEN			0x3808
#define E1000_TDH			0x3810
#define E1000_TDT			0x3818

/* Multicast table 13.5.1, receive address 13.5.2 and 13.5.3 */
#define E1000_MTA(n)			(0x5200 + 4 * (n))
#define E1000_MTA_WORDS			128
#define E1000_RAL0			0x5400
#define E1000_RAH0			0x5404
#define E1000_RAH_AV			BIT(31)	/* address valid */

/**
 * struct e1000_rx_desc - a receive descriptor, 3.2.3
 * @address: of the buffer
 * @length: of what the card wrote there
 * @checksum: of the packet; not used here
 * @status: E1000_RXD_DD: the card is done with it; E1000_RXD_EOP: end of packet
 * @errors: what was wrong with the frame
 * @special: VLAN tag; not used here
 */
struct e1000_rx_desc {
	__le64 address;
	__le16 length;
	__le16 checksum;
	u8 status;
	u8 errors;
	__le16 special;
};

static_assert(sizeof(struct e1000_rx_desc) == 16);

#define E1000_RXD_DD			BIT(0)
#define E1000_RXD_EOP			BIT(1)
/* CE, SE, SEQ and RXE: those of the frame. The others are about checksums. */
#define E1000_RXD_FRAME_ERRORS		(BIT(0) | BIT(1) | BIT(2) | BIT(7))

/**
 * struct e1000_tx_desc - a data descriptor, 3.3.7
 * @address: of the bytes to send
 * @command: how many, in bits 19:0; type and commands above
 * @status: E1000_TXD_DD: the card is done with it; options in bits 15:8
 */
struct e1000_tx_desc {
	__le64 address;
	__le32 command;
	__le32 status;
};

static_assert(sizeof(struct e1000_tx_desc) == 16);

/**
 * struct e1000_context_desc - a context descriptor, 3.3.6: what to do to the frame that follows
 * @ip_start: IPCSS, where the IP header begins
 * @ip_offset: IPCSO, where its checksum goes
 * @ip_end: IPCSE, its last byte
 * @start: TUCSS, where to begin to sum
 * @offset: TUCSO, where that sum goes
 * @end: TUCSE, the last byte to sum; 0: to the end
 * @command: PAYLEN in bits 19:0, and commands above
 * @status: not used here
 * @header_length: HDRLEN, of all headers together
 * @mss: the most payload of a segment
 */
struct e1000_context_desc {
	u8 ip_start;
	u8 ip_offset;
	__le16 ip_end;
	u8 start;
	u8 offset;
	__le16 end;
	__le32 command;
	u8 status;
	u8 header_length;
	__le16 mss;
};

static_assert(sizeof(struct e1000_context_desc) == sizeof(struct e1000_tx_desc));

/* Commands of both: the type is bits 23:20. */
#define E1000_TXD_DATA			BIT(20)	/* a data descriptor, else a context */
#define E1000_TXD_TSE			BIT(26)	/* segment this packet */
#define E1000_TXD_RS			BIT(27)	/* report the status */
#define E1000_TXD_DEXT			BIT(29)	/* not a legacy descriptor */
/* Of data descriptors */
#define E1000_TXD_EOP			BIT(24)	/* end of packet */
#define E1000_TXD_IFCS			BIT(25)	/* insert the CRC */
/* Of context descriptors */
#define E1000_TXD_TCP			BIT(24)	/* TCP, else UDP */
#define E1000_TXD_IPV4			BIT(25)	/* IPv4, else IPv6 */

#define E1000_TXD_DD			BIT(0)
#define E1000_TXD_IXSM			BIT(8)	/* insert the IP checksum */
#define E1000_TXD_TXSM			BIT(9)	/* insert the other one */

#endif
