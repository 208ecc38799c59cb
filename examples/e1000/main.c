// SPDX-License-Identifier: GPL-2.0
/*
 * A network driver for QEMU's e1000, an Intel 82540EM: from probe to remove.
 *
 * Probe reads the card's address and registers an interface. Open allocates the rings
 * and the interrupt, and starts the card; stop does the reverse. What ends a transmit
 * timeout and what resumes from a suspend stop and start the card, and allocate
 * nothing, so that they cannot fail. What probe takes by the pcim_ and devm_ functions,
 * the kernel gives back after remove.
 *
 * Errata of real chips are not worked around.
 */
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/linkmode.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/rtnetlink.h>
#include "e1000.h"

#define E1000_INT_RINGS \
	(E1000_INT_TXDW | E1000_INT_RXDMT0 | E1000_INT_RXO | E1000_INT_RXT0)

/*
 * e1000_reset() - stops the card, and resets it
 *
 * The receiver and the transmitter are stopped by themselves as well, since QEMU's card
 * keeps its registers over a reset.
 */
static int e1000_reset(struct e1000_nic *nic)
{
	u32 control;
	int err;

	e1000_write(nic, E1000_IMC, U32_MAX);
	e1000_write(nic, E1000_RCTL, 0);
	e1000_write(nic, E1000_TCTL, 0);
	/* A read has what was written before it arrive first. */
	e1000_read(nic, E1000_STATUS);
	/* Lets what is on the bus come to an end. */
	usleep_range(1000, 2000);

	e1000_write(nic, E1000_CTRL, e1000_read(nic, E1000_CTRL) | E1000_CTRL_RST);
	/* The card is not to be touched for a microsecond: 13.4.1. */
	udelay(2);
	err = readl_poll_timeout(nic->registers + E1000_CTRL, control,
				 !(control & E1000_CTRL_RST), 10, 100000);
	if (err)
		dev_err(&nic->pdev->dev, "the card does not come out of its reset\n");
	/* The reset has unmasked nothing; what it has caused is forgotten. */
	e1000_write(nic, E1000_IMC, U32_MAX);
	e1000_read(nic, E1000_ICR);
	return err;
}

static int e1000_read_eeprom(struct e1000_nic *nic, unsigned int word, u16 *value)
{
	u32 answer;
	int err;

	e1000_write(nic, E1000_EERD, FIELD_PREP(E1000_EERD_ADDRESS, word) | E1000_EERD_START);
	err = readl_poll_timeout(nic->registers + E1000_EERD, answer, answer & E1000_EERD_DONE,
				 50, 100000);
	*value = FIELD_GET(E1000_EERD_DATA, answer);
	return err;
}

/* e1000_read_mac() - the card's address, from an EEPROM whose checksum is right. */
static int e1000_read_mac(struct e1000_nic *nic)
{
	struct device *device = &nic->pdev->dev;
	u8 mac[ETH_ALEN];
	unsigned int i;
	u16 word, sum = 0;
	int err;

	for (i = 0; i < E1000_EEPROM_WORDS; i++) {
		err = e1000_read_eeprom(nic, i, &word);
		if (err)
			return dev_err_probe(device, err, "the EEPROM does not answer\n");
		sum += word;
		if (i < ETH_ALEN / 2) {
			mac[2 * i] = word & 0xff;
			mac[2 * i + 1] = word >> 8;
		}
	}
	if (sum != E1000_EEPROM_SUM)
		return dev_err_probe(device, -EIO, "the EEPROM's checksum is %#06x, not %#06x\n",
				     sum, E1000_EEPROM_SUM);
	if (!is_valid_ether_addr(mac))
		return dev_err_probe(device, -EINVAL, "%pM is no address for a card\n", mac);
	eth_hw_addr_set(nic->netdev, mac);
	return 0;
}

static void e1000_write_mac(struct e1000_nic *nic)
{
	const u8 *mac = nic->netdev->dev_addr;

	e1000_write(nic, E1000_RAL0, mac[0] | mac[1] << 8 | mac[2] << 16 | (u32)mac[3] << 24);
	e1000_write(nic, E1000_RAH0, mac[4] | mac[5] << 8 | E1000_RAH_AV);
}

/*
 * e1000_filter() - what to receive besides frames to the card's own address
 *
 * Context: netif_addr_lock is held: E1000_RCTL and the list of addresses are under it.
 */
static void e1000_filter(struct e1000_nic *nic, u32 enable)
{
	u32 mode = enable | E1000_RCTL_BAM | E1000_RCTL_SECRC;
	u32 table[E1000_MTA_WORDS] = { 0 };
	struct net_device *netdev = nic->netdev;
	struct netdev_hw_addr *address;
	unsigned int i;

	if (netdev->flags & IFF_PROMISC)
		mode |= E1000_RCTL_UPE | E1000_RCTL_MPE;
	else if (netdev->flags & IFF_ALLMULTI)
		mode |= E1000_RCTL_MPE;
	/* The upper 12 bits of an address choose a bit of the table: 13.5.1. */
	netdev_for_each_mc_addr(address, netdev) {
		i = address->addr[4] >> 4 | address->addr[5] << 4;
		table[i / 32] |= BIT(i % 32);
	}
	for (i = 0; i < E1000_MTA_WORDS; i++)
		e1000_write(nic, E1000_MTA(i), table[i]);
	/* QEMU's card receives nothing for a second after a write, even of the same. */
	if (mode != e1000_read(nic, E1000_RCTL))
		e1000_write(nic, E1000_RCTL, mode);
}

/* Context: atomic. It may come while the interface is being stopped: nothing is enabled here. */
static void e1000_set_rx_mode(struct net_device *netdev)
{
	struct e1000_nic *nic = netdev_priv(netdev);

	e1000_filter(nic, e1000_read(nic, E1000_RCTL) & E1000_RCTL_EN);
}

/* e1000_start() - starts the card with the rings that open has allocated. */
static void e1000_start(struct e1000_nic *nic)
{
	u32 control = e1000_read(nic, E1000_CTRL);

	/* The PHY agrees with its peer on speed and duplex mode, and the card follows: 13.4.1. */
	control &= ~(E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPLX);
	e1000_write(nic, E1000_CTRL, control | E1000_CTRL_SLU);
	e1000_write_mac(nic);
	e1000_tx_start(nic);
	e1000_rx_start(nic);
	netif_addr_lock_bh(nic->netdev);
	e1000_filter(nic, E1000_RCTL_EN);
	netif_addr_unlock_bh(nic->netdev);

	napi_enable(&nic->napi);
	netif_wake_queue(nic->netdev);
	e1000_write(nic, E1000_IMS, E1000_INT_RINGS | E1000_INT_LSC);
	/* The interrupt handler finds out whether there is a link, as after any change. */
	e1000_write(nic, E1000_ICS, E1000_INT_LSC);
}

/* e1000_quiesce() - stops the card, and all that runs because of it; the reverse of start. */
static void e1000_quiesce(struct e1000_nic *nic)
{
	e1000_write(nic, E1000_IMC, U32_MAX);
	/* A poll that is still running unmasks interrupts at its end, and may wake the queue. */
	napi_disable(&nic->napi);
	netif_tx_disable(nic->netdev);
	netif_addr_lock_bh(nic->netdev);
	e1000_write(nic, E1000_RCTL, 0);
	netif_addr_unlock_bh(nic->netdev);
	e1000_reset(nic);
	synchronize_irq(nic->pdev->irq);
	e1000_tx_drop(nic);
}

static void e1000_update_link(struct e1000_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	bool up = e1000_read(nic, E1000_STATUS) & E1000_STATUS_LU;

	if (up == netif_carrier_ok(netdev))
		return;
	if (up)
		netif_carrier_on(netdev);
	else
		netif_carrier_off(netdev);
	netdev_info(netdev, "link is %s\n", up ? "up" : "down");
}

/* e1000_interrupt() - the line is shared: it may be a neighbour who calls. */
static irqreturn_t e1000_interrupt(int irq, void *data)
{
	struct e1000_nic *nic = data;
	u32 causes = e1000_read(nic, E1000_ICR);

	/* All ones: the card sleeps, or has been pulled out. */
	if (causes == U32_MAX || !(causes & (E1000_INT_RINGS | E1000_INT_LSC)))
		return IRQ_NONE;
	if (causes & E1000_INT_LSC)
		e1000_update_link(nic);
	/*
	 * The read has cleared the causes. If NAPI is polling already, it learns from
	 * napi_schedule_prep() that it has to poll once more.
	 */
	if (causes & E1000_INT_RINGS && napi_schedule_prep(&nic->napi)) {
		e1000_write(nic, E1000_IMC, E1000_INT_RINGS);
		__napi_schedule(&nic->napi);
	}
	return IRQ_HANDLED;
}

static int e1000_poll(struct napi_struct *napi, int budget)
{
	struct e1000_nic *nic = container_of(napi, struct e1000_nic, napi);
	int done;

	e1000_tx_poll(nic, budget);
	done = e1000_rx_poll(nic, budget);
	/* What came after the last look has set its cause, and interrupts at once. */
	if (done < budget && napi_complete_done(napi, done))
		e1000_write(nic, E1000_IMS, E1000_INT_RINGS);
	return done;
}

static int e1000_open(struct net_device *netdev)
{
	struct e1000_nic *nic = netdev_priv(netdev);
	int err;

	err = e1000_tx_setup(nic);
	if (err)
		return err;
	err = e1000_rx_setup(nic);
	if (err)
		goto teardown_tx;
	err = request_irq(nic->pdev->irq, e1000_interrupt, IRQF_SHARED, netdev->name, nic);
	if (err) {
		netdev_err(netdev, "interrupt %d cannot be had: error %d\n", nic->pdev->irq, err);
		goto teardown_rx;
	}
	e1000_start(nic);
	return 0;

teardown_rx:
	e1000_rx_teardown(nic);
teardown_tx:
	e1000_tx_teardown(nic);
	return err;
}

static int e1000_stop(struct net_device *netdev)
{
	struct e1000_nic *nic = netdev_priv(netdev);

	/* The kernel closes a card that is suspended, too, if its namespace ends. */
	if (netif_device_present(netdev))
		e1000_quiesce(nic);
	free_irq(nic->pdev->irq, nic);
	netif_carrier_off(netdev);
	e1000_rx_teardown(nic);
	e1000_tx_teardown(nic);
	return 0;
}

/* Context: atomic. The card does not send what the stack gave it seconds ago. */
static void e1000_tx_timeout(struct net_device *netdev, unsigned int queue)
{
	struct e1000_nic *nic = netdev_priv(netdev);

	netdev_err(netdev, "transmit timeout: head %u, tail %u: resetting the card\n",
		   e1000_read(nic, E1000_TDH), e1000_read(nic, E1000_TDT));
	schedule_work(&nic->reset_work);
}

static void e1000_reset_work(struct work_struct *work)
{
	struct e1000_nic *nic = container_of(work, struct e1000_nic, reset_work);

	/* Against open, stop, suspend and resume; any of them may have come first. */
	rtnl_lock();
	if (netif_running(nic->netdev) && netif_device_present(nic->netdev)) {
		e1000_quiesce(nic);
		e1000_start(nic);
	}
	rtnl_unlock();
}

/*
 * The address is two registers: between the two writes a receiver that runs would take
 * frames for an address that is neither the old one nor the new one.
 */
static int e1000_set_mac_address(struct net_device *netdev, void *address)
{
	struct e1000_nic *nic = netdev_priv(netdev);
	int err = eth_mac_addr(netdev, address);
	u32 mode;

	if (err)
		return err;
	netif_addr_lock_bh(netdev);
	mode = e1000_read(nic, E1000_RCTL);
	e1000_write(nic, E1000_RCTL, mode & ~E1000_RCTL_EN);
	e1000_write_mac(nic);
	e1000_write(nic, E1000_RCTL, mode);
	netif_addr_unlock_bh(netdev);
	return 0;
}

/* Context: any; the interface may be down. */
static void e1000_get_stats(struct net_device *netdev, struct rtnl_link_stats64 *total)
{
	struct e1000_nic *nic = netdev_priv(netdev);
	struct e1000_stats *stats;
	unsigned int start;

	stats = &nic->rx.stats;
	do {
		start = u64_stats_fetch_begin(&stats->sync);
		total->rx_packets = u64_stats_read(&stats->packets);
		total->rx_bytes = u64_stats_read(&stats->bytes);
		total->rx_errors = u64_stats_read(&stats->errors);
		total->rx_dropped = u64_stats_read(&stats->dropped);
	} while (u64_stats_fetch_retry(&stats->sync, start));
	stats = &nic->tx.stats;
	do {
		start = u64_stats_fetch_begin(&stats->sync);
		total->tx_packets = u64_stats_read(&stats->packets);
		total->tx_bytes = u64_stats_read(&stats->bytes);
	} while (u64_stats_fetch_retry(&stats->sync, start));
	stats = &nic->tx.failed;
	do {
		start = u64_stats_fetch_begin(&stats->sync);
		total->tx_dropped = u64_stats_read(&stats->dropped);
	} while (u64_stats_fetch_retry(&stats->sync, start));
}

static const struct net_device_ops e1000_netdev_ops = {
	.ndo_open = e1000_open,
	.ndo_stop = e1000_stop,
	.ndo_start_xmit = e1000_xmit,
	.ndo_tx_timeout = e1000_tx_timeout,
	.ndo_get_stats64 = e1000_get_stats,
	.ndo_set_rx_mode = e1000_set_rx_mode,
	.ndo_set_mac_address = e1000_set_mac_address,
	.ndo_validate_addr = eth_validate_addr,
};

static int e1000_get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *link)
{
	u32 status = e1000_read(netdev_priv(netdev), E1000_STATUS);

	ethtool_link_ksettings_add_link_mode(link, supported, Autoneg);
	ethtool_link_ksettings_add_link_mode(link, supported, TP);
	ethtool_link_ksettings_add_link_mode(link, supported, 10baseT_Half);
	ethtool_link_ksettings_add_link_mode(link, supported, 10baseT_Full);
	ethtool_link_ksettings_add_link_mode(link, supported, 100baseT_Half);
	ethtool_link_ksettings_add_link_mode(link, supported, 100baseT_Full);
	ethtool_link_ksettings_add_link_mode(link, supported, 1000baseT_Full);
	/* The PHY offers its peer all that it can, which is how it comes out of a reset. */
	linkmode_copy(link->link_modes.advertising, link->link_modes.supported);
	link->base.port = PORT_TP;
	link->base.autoneg = AUTONEG_ENABLE;
	link->base.speed = SPEED_UNKNOWN;
	link->base.duplex = DUPLEX_UNKNOWN;
	if (!(status & E1000_STATUS_LU))
		return 0;
	link->base.duplex = status & E1000_STATUS_FD ? DUPLEX_FULL : DUPLEX_HALF;
	switch (FIELD_GET(E1000_STATUS_SPEED, status)) {
	case E1000_STATUS_SPEED_10:
		link->base.speed = SPEED_10;
		break;
	case E1000_STATUS_SPEED_100:
		link->base.speed = SPEED_100;
		break;
	default:
		link->base.speed = SPEED_1000;
	}
	return 0;
}

static const struct ethtool_ops e1000_ethtool_ops = {
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = e1000_get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
};

static int e1000_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *device = &pdev->dev;
	struct net_device *netdev;
	void __iomem *registers;
	struct e1000_nic *nic;
	int err;

	err = pcim_enable_device(pdev);
	if (err)
		return dev_err_probe(device, err, "the card cannot be enabled\n");
	/* The card sits on a bus of 32 bits. */
	err = dma_set_mask_and_coherent(device, DMA_BIT_MASK(32));
	if (err)
		return dev_err_probe(device, err, "no memory here is within the card's reach\n");
	registers = pcim_iomap_region(pdev, 0, KBUILD_MODNAME);
	if (IS_ERR(registers))
		return dev_err_probe(device, PTR_ERR(registers),
				     "the card's registers cannot be had\n");
	netdev = devm_alloc_etherdev(device, sizeof(*nic));
	if (!netdev)
		return -ENOMEM;

	nic = netdev_priv(netdev);
	nic->netdev = netdev;
	nic->pdev = pdev;
	nic->registers = registers;
	INIT_WORK(&nic->reset_work, e1000_reset_work);
	u64_stats_init(&nic->rx.stats.sync);
	u64_stats_init(&nic->tx.stats.sync);
	u64_stats_init(&nic->tx.failed.sync);
	/* A card that was left running writes to nobody knows where: first it is stopped. */
	err = e1000_reset(nic);
	if (err)
		return err;
	err = e1000_read_mac(nic);
	if (err)
		return err;
	pci_set_master(pdev);

	SET_NETDEV_DEV(netdev, device);
	netdev->netdev_ops = &e1000_netdev_ops;
	netdev->ethtool_ops = &e1000_ethtool_ops;
	netdev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_TSO;
	netdev->features = netdev->hw_features;
	netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netif_napi_add(netdev, &nic->napi, e1000_poll);
	netif_carrier_off(netdev);
	pci_set_drvdata(pdev, netdev);
	/* The last step: the interface may be opened before this returns. */
	err = register_netdev(netdev);
	if (err)
		return dev_err_probe(device, err, "the interface cannot be registered\n");
	netdev_info(netdev, "82540EM at %s, address %pM, interrupt %d\n", pci_name(pdev),
		    netdev->dev_addr, pdev->irq);
	return 0;
}

/* The reverse of probe, as far as it took more than the kernel gives back by itself. */
static void e1000_remove(struct pci_dev *pdev)
{
	struct net_device *netdev = pci_get_drvdata(pdev);
	struct e1000_nic *nic = netdev_priv(netdev);

	/* Closes the interface first: nothing can start the work any more. */
	unregister_netdev(netdev);
	cancel_work_sync(&nic->reset_work);
}

static int e1000_suspend(struct device *device)
{
	struct net_device *netdev = dev_get_drvdata(device);

	rtnl_lock();
	netif_device_detach(netdev);
	if (netif_running(netdev))
		e1000_quiesce(netdev_priv(netdev));
	rtnl_unlock();
	return 0;
}

/* The card may have lost all that it was told. */
static int e1000_resume(struct device *device)
{
	struct net_device *netdev = dev_get_drvdata(device);

	rtnl_lock();
	if (netif_running(netdev))
		e1000_start(netdev_priv(netdev));
	netif_device_attach(netdev);
	rtnl_unlock();
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(e1000_pm_ops, e1000_suspend, e1000_resume);

static const struct pci_device_id e1000_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, E1000_DEVICE_82540EM) },
	{ }
};
MODULE_DEVICE_TABLE(pci, e1000_ids);

static struct pci_driver e1000_driver = {
	.name = KBUILD_MODNAME,
	.id_table = e1000_ids,
	.probe = e1000_probe,
	.remove = e1000_remove,
	.driver.pm = pm_sleep_ptr(&e1000_pm_ops),
};
module_pci_driver(e1000_driver);

MODULE_DESCRIPTION("Network driver for QEMU's e1000 (82540EM)");
MODULE_AUTHOR("qemu_poweroff maintainers");
MODULE_LICENSE("GPL");
