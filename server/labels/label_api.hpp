// The endpoints of labels, for people and other systems, and for the devices that fetch them.
#pragma once

namespace argosy::server {

class LabelService;
class Router;

void add_label_routes(Router& router, LabelService& labels);
void add_device_label_routes(Router& device_router, LabelService& labels);

}  // namespace argosy::server
