/*
 * IGMP messages of any octets: the records that are read lie within them, and there are no more than they say.
 */
#include "fuzz.h"

#include "address.h"
#include "igmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_igmp_report report;
	struct mip_igmp_record record;
	size_t records = 0;

	if (mip_igmp_report_read(reader, &report) < 0) {
		/* What lies behind the checksum too. */
		report = (struct mip_igmp_report){
			.reader = reader, .type = MIP_IGMP_REPORT_V3, .records = (unsigned)(length & 0xff)};
	}
	while (mip_igmp_record_next(&report, &record) > 0) {
		FUZZ_CHECK(mip_address_is_multicast(record.group));
		records++;
	}
	FUZZ_CHECK(records <= length / 4);
	return 0;
}
