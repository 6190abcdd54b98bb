/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU groups for devices that have no requester ID of their own.
 *
 * An *aux group* is an ordinary iommu_group. Its members are devices, such as
 * mediated devices, whose DMA leaves the machine's fabric through another
 * device, the *dma_dev*: tagged with a PASID of the member's own, or as a
 * whole function that the member wraps. In-tree users of the IOMMU API (VFIO,
 * iommufd) attach domains to an aux group like to any other group.
 *
 * Attaching a domain to an aux group is done in two steps, because the IOMMU
 * core calls a driver's attach_dev() under a lock that PASID attach needs too:
 *
 *   - the core (VFIO, iommufd, or iommu_aux_attach_group() itself) sets the
 *     group's domain; nothing is translated yet, the members' DMA is blocked;
 *   - iommu_aux_attach_group() *arms* the members: the domain goes on each
 *     member's PASID of its dma_dev. From then on DMA works.
 *
 * Everything here may sleep and must be called in process context, without an
 * iommu_group's mutex held.
 */
#ifndef MDEVKIT_IOMMU_AUX_H
#define MDEVKIT_IOMMU_AUX_H

#include <linux/bits.h>
#include <linux/device.h>
#include <linux/iommu.h>

struct iommu_aux_group;

/*
 * typedef iommu_aux_lookup_t - name the device that translates a member's DMA
 * @member: a member of the group at hand
 *
 * (No kernel-doc: its parser knows no typedef of a function that returns a pointer.)
 *
 * Called with the aux group's mutex held, once for each member when a group is
 * armed, and for each member that joins while it is armed. It may sleep, but it must
 * not call into iommu_aux, except for iommu_aux_member_dma_dev(), which is a
 * lookup function itself. The returned device is borrowed: it has to stay alive
 * until the call into iommu_aux that asked for it has returned.
 *
 * Return: the dma_dev of @member, or NULL when @member is translated by
 * itself and needs no arming.
 */
typedef struct device *(*iommu_aux_lookup_t)(struct device *member);

/**
 * IOMMU_AUX_WHOLE_DEVICE - the member wraps the whole dma_dev
 *
 * The domain is attached to the dma_dev plainly, without a PASID, even if
 * the device could carry PASIDs. Meant for a VF or a function that is handed
 * out as one mdev. Without the flag a PASID is used when the dma_dev can
 * carry PASIDs, and the plain way when it cannot.
 *
 * The dma_dev's DMA belongs to the group from join to leave: it is blocked except while
 * the member is armed, and the core refuses it to everybody else. So the dma_dev's driver,
 * if it has one, must have set driver_managed_dma: then the core does not count on it for
 * DMA of the host. Otherwise the join is refused. The same holds for any
 * device that is attached plainly, and for one that a lookup function names instead: it is
 * claimed when it is armed first, and stays so until the member leaves, or is armed
 * on yet another device.
 */
#define IOMMU_AUX_WHOLE_DEVICE	BIT(0)

/*
 * The contract: attach and detach.
 */

/**
 * iommu_aux_attach_group() - attach a domain to a group, member by member
 * @domain: paging domain allocated for a member of @group
 * @group: the iommu_group of an aux group
 * @lookup: names the dma_dev of each member; must not be NULL
 *
 * Walks every member of the group. If the dma_dev that @lookup names can
 * do PASIDs, the domain goes on the member's PASID there, otherwise (a wrapped
 * VF or a whole device) it is attached to that device plainly. A member for
 * which @lookup returns NULL is left alone.
 *
 * An idle group gets @domain as its domain in the IOMMU core first, as by
 * iommu_attach_group(). When the group carries @domain already, because VFIO or
 * iommufd put it there, the call only arms the members, and the matching
 * iommu_aux_detach_group() only disarms them.
 *
 * All or nothing: on failure every member is back where it was.
 *
 * Context: may sleep; takes the aux group's mutex and, one at a time, the
 * mutexes of iommu_groups.
 * Return: 0, or
 * * %-EBUSY: @group carries another domain, or is armed already, or an
 *   dma_dev is in use by somebody else or by the host (see %IOMMU_AUX_WHOLE_DEVICE);
 * * %-EINVAL: no lookup, no aux group, not an aux domain, or @domain belongs to
 *   another IOMMU instance than a dma_dev;
 * * %-ENOSPC: the member has no PASID and there is none left for it;
 * * %-EOPNOTSUPP: a dma_dev cannot isolate; the log says why, once;
 * * %-ENODEV: a dma_dev has gone;
 * * others: as the IOMMU driver of the dma_dev returned it.
 */
int iommu_aux_attach_group(struct iommu_domain *domain, struct iommu_group *group,
			   iommu_aux_lookup_t lookup);

/**
 * iommu_aux_detach_group() - undo iommu_aux_attach_group()
 * @domain: the domain given to iommu_aux_attach_group()
 * @group: the iommu_group of an aux group
 * @lookup: as given to iommu_aux_attach_group(); it is not asked again
 *
 * Disarms every member, the last one first, by iommu_aux's own records of what was
 * put where. So it does not matter that a lookup function returns NULL by now: a device
 * that has left its IOMMU is skipped (its translations have gone with it), one that is
 * in fact still there loses them, and the rest goes on. The group's domain in the
 * core is given up only if iommu_aux_attach_group() had set it.
 *
 * When the call returns, no DMA of a member reaches memory through @domain. Does
 * nothing but warn in the log when @domain is not armed on @group: then it need not even
 * exist any more, as when the core has taken it off before.
 *
 * Context: may sleep; takes the same locks as iommu_aux_attach_group().
 */
void iommu_aux_detach_group(struct iommu_domain *domain, struct iommu_group *group,
			    iommu_aux_lookup_t lookup);

/**
 * iommu_attach_group_with_lookup() - attach a domain to a group of any kind
 * @domain: the domain
 * @group: the group
 * @lookup: as for iommu_aux_attach_group(), or NULL
 *
 * With a NULL @lookup this is exactly iommu_attach_group(), otherwise it is
 * iommu_aux_attach_group().
 *
 * Context: may sleep.
 * Return: what the function it stands for returns.
 */
int iommu_attach_group_with_lookup(struct iommu_domain *domain, struct iommu_group *group,
				   iommu_aux_lookup_t lookup);

/**
 * iommu_aux_get_pasid() - the PASID under which a member's DMA uses a domain
 * @domain: a domain; it may have been freed
 * @member: a member of an aux group
 *
 * Context: may sleep.
 * Return: the PASID (greater than 0) when @member is armed with @domain by
 * PASID, or
 * * %-ENODEV: @member is not in an aux group;
 * * %-EINVAL: @member is not armed with @domain;
 * * %-EOPNOTSUPP: @member is armed with @domain plainly, without a PASID.
 */
int iommu_aux_get_pasid(struct iommu_domain *domain, struct device *member);

/*
 * Groups and members.
 */

/**
 * iommu_aux_check_device() - can members live behind this device?
 * @dma_dev: the device to be asked
 * @flags: 0 or %IOMMU_AUX_WHOLE_DEVICE
 * @reason: where to put a static text for the administrator, or NULL. Set
 *          to NULL on success and to a sentence without a final stop on failure
 *
 * With flags 0 the device must be able to isolate members by PASID: an IOMMU
 * that translates it and knows PASIDs, PASID enabled on the device (for PCI: the
 * capability, and ACS on the whole path), nobody else in its IOMMU group, interrupts
 * isolated. Call it before offering types that need it. iommu_aux_group_join() is more
 * lenient: it takes a device without PASIDs plainly.
 *
 * Cheap when it is asked again: what has to be tried is remembered until the device loses
 * its driver or is removed.
 *
 * Context: may sleep; the driver of @dma_dev is bound and stays so.
 * Return: 0, %-ENODEV when no IOMMU translates the device, %-EOPNOTSUPP when it
 * cannot isolate, %-EINVAL for unknown flags; %-ENOMEM, or what the IOMMU's driver returned
 * when it was asked for a domain: then it may work next time.
 */
int iommu_aux_check_device(struct device *dma_dev, unsigned int flags, const char **reason);

/**
 * iommu_aux_pasids_left() - how many members can still join behind a device?
 * @dma_dev: the device
 *
 * PASIDs are drawn from one pool for the whole machine, up to what the device can carry.
 * What others than iommu_aux (processes that share their addresses) have taken is
 * counted too, except a PASID above one that is free: then a join may find fewer.
 *
 * Context: may sleep; the driver of @dma_dev is bound and stays so. Cheap: nothing
 * is attached, but for an instant one PASID is taken.
 * Return: the number, 0 for a device without PASIDs.
 */
unsigned int iommu_aux_pasids_left(struct device *dma_dev);

/**
 * iommu_aux_group_create() - make an empty aux group
 * @name: name of the group: shown by /sys/kernel/iommu_groups/N/name, the log and
 *        debugfs. It is copied and need not be unique
 *
 * Context: may sleep; registers a platform device.
 * Return: the group with one reference for the caller, or an ERR_PTR (%-ENOMEM,
 * %-ENODEV when the IOMMU core did not take the anchor).
 */
struct iommu_aux_group *iommu_aux_group_create(const char *name);

/**
 * iommu_aux_group_get() - take one more reference
 * @group: the group
 *
 * Return: @group.
 */
struct iommu_aux_group *iommu_aux_group_get(struct iommu_aux_group *group);

/**
 * iommu_aux_group_put() - drop a reference
 * @group: the group, or NULL
 *
 * Members hold references of their own: a group goes away when the last
 * reference is dropped *and* the last member has left, whichever comes last.
 *
 * Context: may sleep; no lock that iommu_aux_group_create() was called under.
 */
void iommu_aux_group_put(struct iommu_aux_group *group);

/**
 * iommu_aux_group_to_iommu_group() - the iommu_group behind an aux group
 * @group: the group
 *
 * Return: the iommu_group, valid as long as the caller's reference on @group.
 */
struct iommu_group *iommu_aux_group_to_iommu_group(struct iommu_aux_group *group);

/**
 * iommu_aux_group_join() - put a device into an aux group
 * @group: the group
 * @member: the device; it has no IOMMU of its own, and no driver that does DMA
 * @dma_dev: the device that does DMA for @member
 * @flags: 0 or %IOMMU_AUX_WHOLE_DEVICE
 *
 * Allocates the member's PASID (not for a whole device). If the group has a
 * domain, the member gets it, and if the group is armed, the member is armed: it
 * never has access to anything that the group does not have.
 *
 * @member has to leave before the remove() of @dma_dev's driver returns. An action of
 * devm comes too late: the core looks for forgotten PASIDs before, and warns. If @member stays
 * all the same, its DMA is blocked when @dma_dev loses its driver or is removed, and stays so.
 *
 * Context: may sleep; takes the aux group's mutex.
 * Return: 0, or, each with a line in the log that says what can be done,
 * * %-EINVAL: no @dma_dev, or it sits behind another IOMMU instance than the
 *   members that are in the group, or unknown flags;
 * * %-ENODEV: no IOMMU translates @dma_dev;
 * * %-EOPNOTSUPP: @dma_dev cannot isolate its members, or is handed out already in
 *   another way (as a whole, to another group, or in slices), or firmware wants it to reach
 *   memory at all times;
 * * %-ENOSPC: no PASID is left;
 * * %-EBUSY: @member is in a group already, or @dma_dev is to be attached plainly and
 *   the host uses it (its driver has not set driver_managed_dma);
 * * %-ENOMEM, or what arming the member returned.
 */
int iommu_aux_group_join(struct iommu_aux_group *group, struct device *member,
			 struct device *dma_dev, unsigned int flags);

/**
 * iommu_aux_group_leave() - take a device out of its aux group
 * @member: the device
 *
 * Disarms the member, takes it out of the group, and only then gives its PASID
 * back: the member's engine must be quiet by now (drained), since the PASID may be
 * handed to somebody else as soon as this returns. Does nothing if @member is not
 * in an aux group.
 *
 * Context: may sleep; takes the aux group's mutex.
 */
void iommu_aux_group_leave(struct device *member);

/**
 * iommu_aux_member_pasid() - the PASID that a member owns
 * @member: the device
 *
 * The PASID is the member's from join to leave, armed or not. A vendor driver
 * programs it into the hardware.
 *
 * Context: any, while @member can neither join nor leave.
 * Return: the PASID, or %IOMMU_PASID_INVALID when @member has none.
 */
ioasid_t iommu_aux_member_pasid(struct device *member);

/**
 * iommu_aux_member_dma_dev() - the device that was named when a member joined
 * @member: the device
 *
 * Can be used as the lookup function of iommu_aux_attach_group().
 *
 * Context: any, while @member can neither join nor leave.
 * Return: the device (borrowed), or NULL when @member is not in an aux group or its
 * dma_dev has gone.
 */
struct device *iommu_aux_member_dma_dev(struct device *member);

/**
 * iommu_aux_member_is_armed() - does a member's DMA work now?
 * @member: the device
 *
 * Context: any, while @member can neither join nor leave.
 * Return: true when the group's domain is on the member's dma_dev.
 */
bool iommu_aux_member_is_armed(struct device *member);

#endif /* MDEVKIT_IOMMU_AUX_H */
