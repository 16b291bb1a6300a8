// Package collect turns sources (CT logs, certificate files) into a population.
//
// It works in three passes over the audit's work folder, which is a cache:
//
//   - Harvest reads every log to its pinned tree head, and every file, in units. A unit
//     is one file written atomically: the certificates kept, the leaf hashes read and
//     the sightings, sorted by item. Units may be made in any order and a killed process
//     goes on with the units that are missing, so the end result does not depend on
//     interruptions.
//   - Merge runs once through the sorted sightings of all units, item by item. Freezing
//     (Population) and looking up the drawn certificates (Extract) are both such runs.
//   - Memory holds one unit's sightings and one read buffer per unit; certificate bodies
//     stay on disk.
package collect
